"""Asking a model behind an OpenAI-compatible endpoint. What it has said is kept (inference/store.py).

A provider may change its model without a word, so replies cannot be made again exactly: what is kept is the record.
A question that fails for a while (timeouts, 429, 5xx) is asked again after growing pauses, or after the one that the
endpoint names. The openai client sees to that. A question that the endpoint refuses for itself (400, 413, 422, or no
choices: too long, or filtered) has no reply. Anything else ends the job. What was answered by then is kept, and so are
the answers to the questions on their way. The next job asks only for the rest.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from safelrm.core.errors import SafeLRMError
from safelrm.inference.pace import Pace
from safelrm.inference.schemas import REPLIES, Reply, reply_of
from safelrm.inference.settings import EndpointSettings
from safelrm.inference.spending import Purse, Tokens
from safelrm.inference.store import Answer, AnswerStore, Question

if TYPE_CHECKING:
    from openai import OpenAI

    from safelrm.inference.chat import Message

# statuses that are about one question: its length or its content
ABOUT_THE_QUESTION = (400, 413, 422)
# no token is shorter than a byte, and most are about four; roles and ends of turns take some more
BYTES_PER_TOKEN, TOKENS_PER_MESSAGE = 4, 16
NO_TOKENS = Tokens()
# an endpoint that says more does not count
MOST_TOKENS = 10**9
NO_COMPLETION = "check that the URL is the base URL of an OpenAI-compatible endpoint"
SHOWN = 300


class Endpoint:
    """The model of an endpoint.

    Args:
        settings: where it is and how it is asked.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self._tokens = Pace(settings.tokens_per_minute)

    def replies(self, conversations: Sequence[list["Message"]], sampling: dict[str, object]) -> list[Reply | None]:
        """One reply per conversation, in order; None where the endpoint refuses the question.

        Args:
            conversations: what is asked.
            sampling: `max_tokens`, and `temperature` unless the model takes none.

        Raises:
            SafeLRMError: the key is not set, the endpoint cannot be asked, or it would cost more than it may.
        """
        settings = self.settings
        body = {name: value for name, value in sampling.items() if name != "max_tokens"}
        body |= {settings.token_limit: sampling["max_tokens"], **settings.body}
        store = AnswerStore(REPLIES, None, {"endpoint": settings.url.rstrip("/"), "name": settings.model})
        rows = store.answers(
            [(conversation, body) for conversation in conversations],
            lambda questions: self._ask(questions, store.folder),
        )
        return [reply_of(*row) for row in rows[["text", "finish_reason"]].itertuples(index=False, name=None)]

    def _ask(self, questions: Sequence[Question], folder: Path) -> Iterator[tuple[int, Answer]]:
        client, purse = self._client(), Purse(folder, self.settings.spending, self.settings.url)
        refused: dict[int, _RefusedError] = {}
        answered, fault = False, None
        pool = ThreadPoolExecutor(max_workers=self.settings.concurrency)
        try:
            waiting: dict[Future[Answer], int] = {
                pool.submit(self._reply, client, purse, question): place for place, question in enumerate(questions)
            }
            for done in as_completed(waiting):
                try:
                    answer = done.result()
                except _RefusedError as error:
                    refused[waiting[done]] = error
                except CancelledError:
                    continue
                except SafeLRMError as error:
                    # what is on its way is paid for: its answers are kept
                    if fault is None:
                        fault = error
                        for future in waiting:
                            future.cancel()
                else:
                    answered = True
                    yield waiting[done], answer
        finally:
            pool.shutdown(cancel_futures=True)
            client.close()
            print(f"{self.settings.model}: {purse.close()}", flush=True)
        if fault is not None:
            raise fault
        if refused and not answered:
            # the settings are wrong, rather than every question
            first = next(iter(refused.values()))
            raise self._fault(f"refuses all {len(refused)} questions: {first.said}", first.fix)
        yield from ((place, (None, None)) for place in refused)

    def _client(self) -> "OpenAI":
        from openai import DefaultHttpxClient, OpenAI  # noqa: PLC0415  (takes a second, and kept replies need none)

        settings, pace = self.settings, Pace(self.settings.requests_per_minute)
        return OpenAI(
            base_url=settings.url,
            api_key=self._key() or "none",
            timeout=settings.timeout,
            max_retries=settings.retries,
            # here, and not before a question: what the client repeats counts, too
            http_client=DefaultHttpxClient(event_hooks={"request": [lambda _: pace.wait()]}),
        )

    def _key(self) -> str | None:
        name = self.settings.key_variable
        if name is None:
            return None
        key = os.environ.get(name, "")
        if not re.fullmatch(r"[!-~]+", key):
            raise SafeLRMError(
                f"the environment variable {name} " + ("holds what is no key" if key else "is not set"),
                file=self.settings.url,
                key="key_variable",
                fix=f"export {name}=… in the shell that starts Snakemake, without spaces or line ends",
            )
        return key

    def _reply(self, client: "OpenAI", purse: Purse, question: Question) -> Answer:
        """Text and end of one reply."""
        from openai import APIStatusError, APITimeoutError, OpenAIError  # noqa: PLC0415

        conversation, body = question
        most, used = _most(question, self.settings.token_limit), None
        self._tokens.wait(most.question / BYTES_PER_TOKEN + most.reply)
        purse.promise(most)
        try:
            raw = client.chat.completions.with_raw_response.create(
                model=self.settings.model, messages=conversation, extra_body=body
            )
            used = _usage(raw.text)
            return self._said(raw.text)
        except APIStatusError as error:
            used = NO_TOKENS
            if error.status_code in ABOUT_THE_QUESTION:
                raise _RefusedError(self._hidden(str(error))) from None
            raise self._fault(f"status {error.status_code}: {error}", _remedy(error.status_code)) from None
        except OpenAIError as error:
            # a provider may charge for an answer that comes too late
            used = None if isinstance(error, APITimeoutError) else NO_TOKENS
            raise self._fault(str(error), "check the URL and the network; raise `timeout` or `retries`") from None
        finally:
            purse.settle(most, used)

    def _said(self, body: str) -> Answer:
        """Text and end of the reply in the body of a response."""
        problem = f"the reply is not that of a chat completion: {body!r}"
        try:
            choices = json.loads(body)["choices"]
            if not choices:
                # so some endpoints say that a filter has stopped the reply
                raise _RefusedError(self._hidden(problem), NO_COMPLETION)
            content, reason = _content(choices[0]["message"]["content"]), choices[0].get("finish_reason")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise self._fault(problem, NO_COMPLETION) from None
        return _storable(content), _storable(reason)

    def _fault(self, problem: str, fix: str) -> SafeLRMError:
        return SafeLRMError(self._hidden(problem), file=self.settings.url, key=self.settings.model, fix=fix)

    def _hidden(self, text: str) -> str:
        """A message without the key, which some servers repeat."""
        key = os.environ.get(self.settings.key_variable or "")
        shown = text.replace(key, "***") if key else text
        return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


class _RefusedError(Exception):
    """The endpoint takes everything but this question."""

    def __init__(self, said: str, fix: str = "correct the settings of the endpoint, or ask for less") -> None:
        self.said, self.fix = said, fix
        super().__init__(said)


def _most(question: Question, limit: str) -> Tokens:
    """The most tokens that a question and its reply may take.

    Args:
        question: the question.
        limit: the key of the request that limits the reply.
    """
    conversation, body = question
    asked = sum(len(str(message["content"]).encode()) + TOKENS_PER_MESSAGE for message in conversation)
    return Tokens(asked, int(body[limit]))


def _usage(body: str) -> Tokens | None:
    """The tokens that a question and its reply took, as the endpoint says; None if it does not say.

    A question without tokens is said by servers that do not count.
    """
    try:
        usage = json.loads(body)["usage"]
        found = Tokens(usage["prompt_tokens"], usage["completion_tokens"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    plain = all(type(count) is int and 0 <= count < MOST_TOKENS for count in (found.question, found.reply))
    return found if plain and found.question else None


def _content(said: object) -> str:
    """The words of a message. Some servers give them in parts, of which those of the trace are of another type.

    Raises:
        TypeError, LookupError: it holds no words in a form that is known.
    """
    if said is None:
        # a model that has spent all its tokens on thinking says nothing
        return ""
    if isinstance(said, list):
        return "".join(_content(part["text"]) for part in said if part["type"] in ("text", "output_text"))
    if not isinstance(said, str):
        raise TypeError(f"a message cannot be {said!r}")
    return said


def _storable(text: object) -> str | None:
    """A text as a table can hold it: halves of characters, which JSON can write, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else None


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "check the key in the variable that `key_variable` names"
    if status == 404:
        return "check `url` and `model`"
    return "wait, or set `requests_per_minute`, lower `concurrency` or raise `retries`; what was answered is kept"
