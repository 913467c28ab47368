"""Asking a model behind an OpenAI-compatible endpoint. What it has said is kept (inference/store.py).

A provider may change its model without a word, so replies cannot be made again exactly: what is kept is the record.
A question that fails for a while (timeouts, 429, 5xx) is asked again after growing pauses. A question that the endpoint
refuses for itself (400, 413, 422: too long, or filtered) has no reply. Anything else ends the job. What was answered
by then is kept, and the next job asks only for the rest.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from safelrm.core.errors import SafeLRMError
from safelrm.inference.schemas import REPLIES
from safelrm.inference.settings import EndpointSettings
from safelrm.inference.store import Answer, AnswerStore, Question

if TYPE_CHECKING:
    from openai import OpenAI

    from safelrm.inference.chat import Message

# statuses that are about one question: its length or its content
ABOUT_THE_QUESTION = (400, 413, 422)
SHOWN = 300


class Endpoint:
    """The model of an endpoint.

    Args:
        settings: where it is and how it is asked.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings

    def replies(self, conversations: Sequence[list["Message"]], sampling: dict[str, object]) -> list[str | None]:
        """One reply per conversation, in order; None where the endpoint refuses the question.

        Args:
            conversations: what is asked.
            sampling: `max_tokens`, and `temperature` unless the model takes none.

        Raises:
            SafeLRMError: the key is not set, or the endpoint cannot be asked.
        """
        settings = self.settings
        body = {name: value for name, value in sampling.items() if name != "max_tokens"}
        body |= {settings.token_limit: sampling["max_tokens"], **settings.body}
        store = AnswerStore(REPLIES, None, {"endpoint": settings.url, "name": settings.model})
        rows = store.answers([(conversation, body) for conversation in conversations], self._ask)
        return [text if isinstance(text, str) else None for text in rows["text"]]

    def _ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        client, refused, answered = self._client(), {}, False
        pool = ThreadPoolExecutor(max_workers=self.settings.concurrency)
        try:
            waiting: dict[Future[str], int] = {
                pool.submit(self._reply, client, question): place for place, question in enumerate(questions)
            }
            for done in as_completed(waiting):
                try:
                    text = done.result()
                except _RefusedError as error:
                    refused[waiting[done]] = error.said
                    continue
                answered = True
                yield waiting[done], (text,)
        finally:
            pool.shutdown(cancel_futures=True)
        if refused and not answered:
            # the settings are wrong, rather than every question
            problem = f"refuses all {len(refused)} questions: {next(iter(refused.values()))}"
            raise self._fault(problem, "correct the settings of the endpoint, or ask for less")
        yield from ((place, (None,)) for place in refused)

    def _client(self) -> "OpenAI":
        from openai import OpenAI  # noqa: PLC0415  (takes a second, and kept replies need none)

        settings = self.settings
        return OpenAI(
            base_url=settings.url, api_key=self._key() or "none", timeout=settings.timeout, max_retries=settings.retries
        )

    def _key(self) -> str | None:
        name = self.settings.key_variable
        if name is None:
            return None
        if not os.environ.get(name):
            raise SafeLRMError(
                f"the environment variable {name} is not set",
                file=self.settings.url,
                key="key_variable",
                fix=f"export {name}=… in the shell that starts Snakemake",
            )
        return os.environ[name]

    def _reply(self, client: "OpenAI", question: Question) -> str:
        """The text of one reply."""
        from openai import APIStatusError, OpenAIError  # noqa: PLC0415

        conversation, body = question
        try:
            raw = client.chat.completions.with_raw_response.create(
                model=self.settings.model, messages=conversation, extra_body=body
            )
        except APIStatusError as error:
            if error.status_code in ABOUT_THE_QUESTION:
                raise _RefusedError(self._hidden(str(error))) from None
            raise self._fault(f"status {error.status_code}: {error}", _remedy(error.status_code)) from None
        except OpenAIError as error:
            raise self._fault(str(error), "check the URL and the network; raise `timeout` or `retries`") from None
        return self._text(raw.text)

    def _text(self, body: str) -> str:
        try:
            content = json.loads(body)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            problem = f"the reply is not that of a chat completion: {body!r}"
            raise self._fault(problem, "check that the URL is the base URL of an OpenAI-compatible endpoint") from None
        # a model that has spent all its tokens on thinking says nothing
        return content if isinstance(content, str) else ""

    def _fault(self, problem: str, fix: str) -> SafeLRMError:
        return SafeLRMError(self._hidden(problem), file=self.settings.url, key=self.settings.model, fix=fix)

    def _hidden(self, text: str) -> str:
        """A message without the key, which some servers repeat."""
        key = os.environ.get(self.settings.key_variable or "")
        shown = text.replace(key, "***") if key else text
        return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


class _RefusedError(Exception):
    """The endpoint takes everything but this question."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(said)


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "check the key in the variable that `key_variable` names"
    if status == 404:
        return "check `url` and `model`"
    return "wait, or lower `concurrency` or raise `retries`; what was answered is kept"
