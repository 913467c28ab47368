"""A teacher behind an OpenAI-compatible endpoint. What it has answered is paid for, and kept (inference/endpoint.py).

    what happens                                    what this does
    timeouts, 429, 5xx                              asks again, up to `retries` times; then the job ends
    half a JSON, or no chat completion              the job ends
    a reply of another model                        the job ends; `also_named` lists names that are the same model
    the spending limit                              the job ends before it is passed
    the endpoint refuses a prompt (400, 413, 422)   the row has no text; its `finish_reason` is `refused`
    it refuses all prompts                          the job ends
    a filter or the token limit cuts a response     the row is `truncated`; its `finish_reason` says by what

When a job ends so, the answers that have come are kept, and so are those on their way. The next job asks for the rest.
The trace of a reply may be its `reasoning_content` or `reasoning`, a part of the type `thinking`, or <think> tags in
the text. It then stands in <think> tags.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from safelrm.core.trace_formats import THINK
from safelrm.generation.distill_settings import DistillJobSettings, EndpointTeacher
from safelrm.generation.requests import UNSAID, messages_of
from safelrm.generation.schemas import FILTERED, REFUSED
from safelrm.generation.teachers.teacher import read_texts
from safelrm.inference.endpoint import Endpoint
from safelrm.inference.schemas import LENGTH, REPLIES, STOP
from safelrm.inference.spending import Purse
from safelrm.inference.store import Answer, AnswerStore, Question

if TYPE_CHECKING:
    from openai import OpenAI

# the key by which questions of a prompt's samples differ; it is not sent
SAMPLE = "safelrm_sample"
ENDS = {"length": LENGTH, "content_filter": FILTERED}
# what servers put behind the name of a model: a date
DATED = re.compile(r"[-@:]\d{4}[\d-]*")


def answered(requests: pd.DataFrame, settings: DistillJobSettings, checkpoint: Path | None) -> pd.DataFrame:
    """What the model of an endpoint answers. No checkpoint is asked, and no token is counted.

    Raises:
        SafeLRMError: the endpoint cannot be asked, would cost more than it may, or another model answers.
    """
    endpoint, sampling = settings.teacher.endpoint, settings.sampling
    if endpoint is None or sampling is None:
        raise ValueError("the settings have no endpoint")
    said = {name: value for name, value in sampling if UNSAID.get(name) != value}
    if sampling.top_p == 1.0:
        del said["top_p"]
    said[endpoint.token_limit] = said.pop("max_tokens")
    questions: list[Question] = []
    for request in requests.itertuples():
        seed = {"seed": request.request_seed} if endpoint.send_seed else {}
        questions.append(([*messages_of(request)], {**said, **seed, **endpoint.body, SAMPLE: request.sample}))
    return read_texts(TeacherEndpoint(endpoint).texts(questions))


class TeacherEndpoint(Endpoint):
    """The model of an endpoint that teaches.

    Args:
        settings: where it is and how it is asked.
    """

    settings: EndpointTeacher

    def texts(self, questions: Sequence[Question]) -> list[tuple[str, str]]:
        """The text of each reply, with its trace in <think> tags, and how it has ended.

        Args:
            questions: conversations, and the keys of their requests with SAMPLE.

        Raises:
            SafeLRMError: the endpoint cannot be asked, would cost more than it may, or another model answers.
        """
        where = {"endpoint": self.settings.url.rstrip("/"), "name": self.settings.model}
        store = AnswerStore(REPLIES, None, where)
        rows = store.answers(questions, lambda lacking: self._ask(lacking, store.folder))
        return [
            (text, ENDS.get(reason, STOP)) if isinstance(text, str) else ("", REFUSED)
            for text, reason in rows[["text", "finish_reason"]].itertuples(index=False, name=None)
        ]

    def _reply(self, client: "OpenAI", purse: Purse, question: Question) -> Answer:
        conversation, body = question
        return super()._reply(client, purse, (conversation, {key: body[key] for key in body if key != SAMPLE}))

    def _said(self, body: str) -> Answer:
        text, reason = super()._said(body)
        whole = json.loads(body)
        self._require_model(whole.get("model"))
        message = whole["choices"][0]["message"]
        if not text and isinstance(message.get("refusal"), str):
            text = message["refusal"]
        trace = _trace(message)
        if not trace:
            return text, reason
        trace = trace.encode("utf-8", "replace").decode("utf-8")
        # a trace that was cut is not closed
        cut = not text and reason in ENDS
        return f"{THINK.openings[0]}\n{trace}" if cut else THINK.written(trace, text), reason

    def _require_model(self, named: object) -> None:
        """Make sure that the model which answers is the one that was asked, if the reply says which one it is."""
        if not isinstance(named, str) or not named:
            return
        given = _bare(named)
        for known in map(_bare, (self.settings.model, *self.settings.also_named)):
            if given == known or (given.startswith(known) and DATED.fullmatch(given[len(known) :])):
                return
        fix = "ask the model by the name of that reply, or add this name to `also_named` if it is the same model"
        raise self._fault(f"`{named}` has answered, and `{self.settings.model}` was asked", fix)


def _bare(name: str) -> str:
    """The name of a model without its owner, in small letters."""
    return name.casefold().rpartition("/")[2]


def _trace(message: Mapping[str, object]) -> str:
    """The trace that a message shows beside its text; empty without one."""
    for key in ("reasoning_content", "reasoning"):
        if isinstance(said := message.get(key), str) and said.strip():
            return said.strip()
    parts = message.get("content")
    found = [part["thinking"] for part in parts if part.get("type") == "thinking"] if isinstance(parts, list) else []
    return "".join(_words(thought) for thought in found).strip()


def _words(thought: object) -> str:
    if isinstance(thought, list):
        return "".join(str(part.get("text", "")) for part in thought if isinstance(part, dict))
    return str(thought)
