"""Replies of a model folder's chat model, by vLLM. What it has said is kept (inference/store.py)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from safelrm.core.files import canonical_json
from safelrm.core.trace import parse_completion
from safelrm.core.trace_formats import THINK
from safelrm.inference.chat import Chat, Message, opened_trace
from safelrm.inference.control_tokens import ControlTokens
from safelrm.inference.engine import complete, start_engine
from safelrm.inference.schemas import REPLIES, STOP, Reply, reply_of
from safelrm.inference.store import Answer, AnswerStore, Question


class VllmChat:
    """A chat model of a folder.

    Args:
        folder: the model folder.
        dtype: arithmetic of the engine.
        max_model_length: longest question with its reply, in tokens.
        template: arguments of the chat template.
    """

    def __init__(
        self, folder: Path, *, dtype: str, max_model_length: int, template: dict[str, str | int | float | bool]
    ) -> None:
        self.folder, self.dtype, self.length, self.template = folder, dtype, max_model_length, template
        self.chat = Chat(folder)

    def replies(self, conversations: Sequence[list[Message]], sampling: dict[str, object]) -> list[Reply | None]:
        """One reply per conversation, in order, with the trace that the template opens; None where it is too long.

        The trace of a reply stands in <think> tags, whatever the format of the model. Control tokens in the last
        message, where judged texts stand, are spelled out. A question in which they cannot be has an empty reply that
        did not come to its end.

        Args:
            conversations: what is asked.
            sampling: `temperature` and `max_tokens`.
        """
        rendered = [self._rendered(conversation) for conversation in conversations]
        encoded = self._encoded(conversations, rendered)
        most = self.length - int(sampling["max_tokens"])
        fitting = [place for place, ids in enumerate(encoded) if ids is not None and len(ids) <= most]
        store = AnswerStore(REPLIES, self.folder, {"dtype": self.dtype, "max_model_length": self.length})
        rows = store.answers([(encoded[place], sampling) for place in fitting], self._ask)
        found = [Reply("", finished=False) if ids is None else None for ids in encoded]
        for place, text, finish_reason in zip(fitting, rows["text"], rows["finish_reason"], strict=True):
            whole = opened_trace(rendered[place], self.chat.trace_format) + text
            found[place] = reply_of(self._in_think_tags(whole), finish_reason)
        return found

    def _rendered(self, conversation: Sequence[Message]) -> str:
        return self.chat.render(conversation, **self.template)

    def _encoded(self, conversations: Sequence[list[Message]], rendered: Sequence[str]) -> list[list[int] | None]:
        """Token ids of each conversation, None where the last message holds control tokens that cannot be spelled."""
        controls: dict[str, ControlTokens] = {}
        found: list[list[int] | None] = []
        for conversation, question, ids in zip(conversations, rendered, self.chat.encode(rendered), strict=True):
            *before, last = conversation
            frame = canonical_json([before, last["role"]])
            if frame not in controls:
                controls[frame] = ControlTokens(
                    self.chat.tokenizer,
                    lambda _, text, start=before, role=last["role"]: self._rendered(
                        [*start, {"role": role, "content": text}]
                    ),
                )
            found.append(controls[frame].spelled("", last["content"], question, ids))
        return found

    def _in_think_tags(self, reply: str) -> str:
        if self.chat.trace_format is THINK:
            return reply
        parsed = parse_completion(reply, prefilled=False, trace_format=self.chat.trace_format)
        return THINK.written(parsed.trace, parsed.answer or "")

    def _ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        engine = start_engine(self.folder, dtype=self.dtype, max_model_length=self.length)
        for place, output in complete(engine, questions):
            ids = list(output.token_ids)
            # the last token of a finished reply ends the turn
            text = self.chat.decode([ids[:-1] if output.finish_reason == STOP else ids])[0]
            yield place, (text, output.finish_reason)
