"""What a guard's answer means: the labels of each field, where they stand in the answer, and their probabilities.

A field is read at the first position of the answer, or at the first one after a marker that the guard has written. Its
score is the mean of its labels' scores by probability; the spellings of a label are summed. A field with a `pattern` is
read from the text of the answer: it has a label, and no probabilities. Only what the guard has generated counts. An
answer that contradicts itself is unread.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import Chat
from safelrm.inference.guard_answers import GuardAnswer
from safelrm.inference.settings import GuardField, GuardSettings

SAFETY = "safety"
# the most token ids of which vLLM gives the probabilities
MOST_IDS = 128
# total probability of its labels from which a place in an answer says one of them
CLEAR = 0.5


@dataclass(frozen=True)
class FieldReading:
    """What a guard says in one field.

    Attributes:
        score: mean of the labels' scores by probability, in [0, 1]; None if nothing was read, or if labels have none.
        mass: total probability of the labels in the whole vocabulary. If it is near 0, the guard has answered something
            else, and the score means nothing. 1 or 0 where a label was found in the text, or none was.
        label: the most probable label; None if nothing was read.
    """

    score: float | None
    mass: float
    label: str | None


UNREAD = FieldReading(None, 0.0, None)


@dataclass(frozen=True)
class GuardReading:
    """What a guard says about one text.

    Attributes:
        p_unsafe: the score of the field `safety`: the share of "unsafe" among its labels, in [0, 1]; None if unread.
        label_mass: total probability of its labels in the whole vocabulary. If it is near 0, the guard has answered
            something else, and `p_unsafe` means nothing.
        top_token: what it has answered, as text: the most probable token, or the beginning of a longer answer.
        others: the other fields by name.
    """

    p_unsafe: float | None
    label_mass: float
    top_token: str
    others: Mapping[str, FieldReading] = field(default_factory=dict)


class GuardLabels:
    """Reads a guard's answers.

    Args:
        chat: the guard's tokenizer.
        settings: how the guard is read.

    Raises:
        SafeLRMError: a label is not exactly one token of this guard, or two labels are the same token.
    """

    def __init__(self, chat: Chat, settings: GuardSettings) -> None:
        self._chat, self._settings = chat, settings
        self._controls = {number: str(token) for number, token in chat.tokenizer.added_tokens_decoder.items()}
        texts = _token_texts(chat)
        self._fields = {name: _LabelSet(chat, name, each, texts) for name, each in settings.fields.items()}
        self.ids = [*dict.fromkeys(token for labels in self._fields.values() for token in labels.ids())]
        if len(self.ids) > MOST_IDS:
            raise SafeLRMError(
                f"the labels are {len(self.ids)} tokens; an engine gives the probabilities of {MOST_IDS} at most",
                file=chat.folder,
                key="fields",
                fix="give fewer spellings, or read some fields from text (`pattern`)",
            )

    def at_first(self, *names: str) -> bool:
        """Whether these fields are read at the first position."""
        return all(self._fields[name].at_first for name in names)

    def read(
        self, token_ids: Sequence[int], logprobs: Sequence[Sequence[float]], fields: Sequence[str] | None = None
    ) -> GuardReading:
        """The reading of an answer.

        Args:
            token_ids: the answer.
            logprobs: log-probabilities of the tokens in `ids` at each of its positions.
            fields: the fields that are read, `safety` among them; none: all.

        Raises:
            SafeLRMError: a log-probability is NaN or infinite.
        """
        self.require_finite(logprobs)
        answer = GuardAnswer(self._chat, self._controls, token_ids)
        rows = [dict(zip(self.ids, row, strict=True)) for row in logprobs]
        found = {name: self._fields[name].read(answer, rows) for name in fields or self._fields}
        safety = found.pop(SAFETY)
        return GuardReading(safety.score, safety.mass, answer.beginning, found)

    def require_finite(self, logprobs: Sequence[Sequence[float]]) -> None:
        """Refuse log-probabilities that show that the guard's arithmetic has failed.

        Raises:
            SafeLRMError: a log-probability is NaN or infinite.
        """
        if broken := next((row for row in logprobs if not all(map(math.isfinite, row))), None):
            raise SafeLRMError(
                f"the guard's log-probabilities are {' and '.join(map(str, broken))}",
                file=self._chat.folder,
                fix="check the guard's weights, or use another dtype",
            )


class _LabelSet:
    """The labels of one field as tokens."""

    def __init__(self, chat: Chat, name: str, settings: GuardField, texts: Mapping[str, list[int]]) -> None:
        self._chat, self._name, self._settings = chat, name, settings
        self._after = re.compile(settings.after) if settings.after else None
        self._pattern = re.compile(settings.pattern, re.DOTALL) if settings.pattern else None
        # a high score first: of two labels, the odds are those of the low one
        order = sorted(settings.labels, key=lambda label: (-(settings.labels[label].score or 0.0), label))
        self._tokens = {} if self._pattern else {label: self._tokens_of(label, texts) for label in order}
        owners: dict[int, str] = {}
        for label, tokens in self._tokens.items():
            for token in tokens:
                if owners.setdefault(token, label) != label:
                    raise self._fault(
                        label,
                        f"both labels `{owners[token]}` and `{label}` are the token {chat.decode([[token]])[0]!r}",
                        "name tokens by which the guard tells them apart",
                    )

    @property
    def at_first(self) -> bool:
        return self._after is None and self._pattern is None

    def ids(self) -> Iterator[int]:
        for tokens in self._tokens.values():
            yield from tokens

    def read(self, answer: GuardAnswer, rows: Sequence[Mapping[int, float]]) -> FieldReading:
        if self._pattern:
            return self._from_text(answer.text(len(answer)))
        readings = [self._from_row(rows[place]) for place in self._places(answer)]
        clear = [reading for reading in readings if reading.mass >= CLEAR]
        # a guard may quote the text that it judges, so neither of two verdicts is known to be its own
        if len({reading.label for reading in clear}) > 1:
            return UNREAD
        return next(iter([*clear, *readings]), UNREAD)

    def _places(self, answer: GuardAnswer) -> list[int]:
        """Where the label stands: at the first position, or after the first marker and after the last one."""
        if self._after is None:
            places = [0]
        else:
            count = self._markers(answer, len(answer))
            places = [self._behind(answer, number) for number in dict.fromkeys((1, count)) if count]
        return [place for place in places if place < len(answer)]

    def _behind(self, answer: GuardAnswer, number: int) -> int:
        """The first token that is not blank after a marker; the number of tokens if there is none."""
        # with the smallest beginning of the answer that holds the whole marker
        place = bisect_left(range(len(answer)), number, key=lambda size: self._markers(answer, size))
        while place < len(answer) and answer.is_blank(place):
            place += 1
        return place

    def _markers(self, answer: GuardAnswer, size: int) -> int:
        """The number of markers in the first tokens."""
        return sum(1 for _ in self._after.finditer(answer.text(size)))

    def _from_row(self, row: Mapping[int, float]) -> FieldReading:
        logs = {label: _log_sum([row[token] for token in tokens]) for label, tokens in self._tokens.items()}
        mass = min(sum(math.exp(log) for log in logs.values()), 1.0)
        # from differences: the shares stay exact where all probabilities underflow
        reference = next(iter(logs.values()))
        odds = {label: math.exp(min(log - reference, 700.0)) for label, log in logs.items()}
        best = max(odds, key=odds.__getitem__)
        if self._settings.score is None:
            return FieldReading(None, mass, best)
        scores = {label: self._settings.labels[label].score or 0.0 for label in odds}
        score = sum(scores[label] * share for label, share in odds.items()) / sum(odds.values())
        return FieldReading(score, mass, best)

    def _from_text(self, text: str) -> FieldReading:
        said = {self._said(found) for found in self._pattern.finditer(text)}
        label = said.pop() if len(said) == 1 else None
        return UNREAD if label is None else FieldReading(self._settings.labels[label].score, 1.0, label)

    def _said(self, found: re.Match[str]) -> str | None:
        word = (found[found.lastindex] if found.lastindex else "").strip().lower()
        for label, settings in self._settings.labels.items():
            if word in {spelling.strip().lower() for spelling in settings.spellings}:
                return label
        return None

    def _tokens_of(self, label: str, texts: Mapping[str, list[int]]) -> list[int]:
        """The tokens of a label. Spellings that are no token of this guard do not count, if another one is."""
        spellings = self._settings.labels[label].spellings
        encoded = self._chat.encode(spellings)
        found: list[int] = []
        for spelling, ids in zip(spellings, encoded, strict=True):
            found += texts.get(spelling) or (ids[:1] if self._settings.first_token else [])
        found = [token for token in dict.fromkeys(found) if token != self._chat.tokenizer.unk_token_id]
        if not found:
            tokens = self._chat.tokenizer.convert_ids_to_tokens(encoded[0])
            raise self._fault(
                label,
                f"{spellings[0]!r} is {tokens}, not exactly one token of this guard"
                + f" (nor are the other {len(spellings) - 1} spellings)" * (len(spellings) > 1),
                "give the first token of the guard's answer, with its leading space if it has one",
            )
        return found

    def _fault(self, label: str, problem: str, fix: str) -> SafeLRMError:
        key = f"reading.fields.{self._name}.labels.{label}"
        return SafeLRMError(problem, file=self._chat.folder, key=key, fix=fix)


def _token_texts(chat: Chat) -> dict[str, list[int]]:
    """The tokens that are spelled in each way, alone."""
    found: dict[str, list[int]] = {}
    for number, text in enumerate(chat.decode([[token] for token in range(len(chat.tokenizer))])):
        found.setdefault(text, []).append(number)
    return found


def _log_sum(logs: Sequence[float]) -> float:
    """Logarithm of the sum of probabilities; exact for a single one."""
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs))
