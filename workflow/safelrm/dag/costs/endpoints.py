"""What judges ask of endpoints, estimated before they ask: questions, tokens, money and time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safelrm.dag.costs.sizes import Texts
from safelrm.inference.settings import EndpointSettings, SpendingSettings

# a guess of the time in which an endpoint answers a question
ANSWER_SECONDS = 5.0
BYTES_PER_TOKEN = 4
MINUTE = 60.0


@dataclass(frozen=True)
class EndpointUse:
    """What one or several jobs ask of the model of an endpoint, if nothing is answered yet."""

    url: str
    model: str
    questions: float
    question_tokens: float  # a guess: of a token in four bytes, and of the texts that the study expects
    reply_tokens: float  # the most
    seconds: float
    cost: float | None = None  # what these tokens cost; None where no prices are given
    limit: float | None = None


def endpoint_use(settings: Mapping[str, object], asked: Texts, parts: int) -> EndpointUse:
    """What a judge asks of its endpoint.

    Args:
        settings: settings of the judge. A module other than that of chat models may lack some of them.
        asked: the texts of which the judge judges so many parts.
        parts: how many parts.
    """
    endpoint = EndpointSettings.model_construct(**settings["endpoint"])
    words = "".join(str(settings.get(key) or "") for key in ("question", "system"))
    questions = asked.rows * parts
    in_questions = questions * (len(words.encode()) / BYTES_PER_TOKEN + asked.prompt + asked.response)
    in_replies = questions * (limit if isinstance(limit := settings.get("max_tokens"), int) else 0)
    seconds = questions * ANSWER_SECONDS / endpoint.concurrency
    for amount, rate in (
        (questions, endpoint.requests_per_minute),
        (in_questions + in_replies, endpoint.tokens_per_minute),
    ):
        seconds = max(seconds, amount * MINUTE / rate if rate else 0.0)
    use = EndpointUse(endpoint.url, endpoint.model, questions, in_questions, in_replies, seconds)
    if endpoint.spending is None:
        return use
    prices = SpendingSettings.model_construct(**endpoint.spending)
    cost = (in_questions * prices.question_price + in_replies * prices.reply_price) / 1e6
    return EndpointUse(**{**vars(use), "cost": cost, "limit": prices.limit})


def said_of_endpoints(uses: Iterable[EndpointUse | None]) -> list[str]:
    """A line for each model of an endpoint: what all jobs ask it, and what that costs."""
    together: dict[tuple[str, str], list[EndpointUse]] = {}
    for use in uses:
        if use is not None:
            together.setdefault((use.url, use.model), []).append(use)
    return [_line(model, url, found) for (url, model), found in together.items()]


def _line(model: str, url: str, uses: list[EndpointUse]) -> str:
    questions, asked, replied = (
        sum(getattr(use, name) for use in uses) for name in ("questions", "question_tokens", "reply_tokens")
    )
    line = f"{model} at {url}: {questions:,.0f} questions, about {asked:,.0f} tokens, replies of at most {replied:,.0f}"
    costs = [use.cost for use in uses if use.cost is not None]
    if not costs:
        return line
    limit = min(use.limit for use in uses if use.limit is not None)
    line += f"; about {sum(costs):,.2f} of the limit of {limit:,.2f}"
    return line if sum(costs) <= limit else f"{line}, which is too low: jobs will stop before they pass it"
