"""Settings of the nano study: its sources of data, and the training of its models and guards from scratch."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, NonNegative, Positive, Seed, Share, Strict
from safelrm.models.settings import FromScratch, Shape
from safelrm.nano.world.dial import LONGEST
from safelrm.nano.world.dialects import DialectName
from safelrm.nano.world.lexicon import Split, Style
from safelrm.nano.world.variants import VariantName

Rows = Annotated[int, Field(ge=0)]


class CorpusSettings(Strict):
    """Pre-training text of a base model: how much of each kind, and how the base behaves."""

    dialect: DialectName = Field(
        "family_a", description="the sentences in which the model thinks and answers, and facts are told"
    )
    copying: Rows = Field(6000, description="lines of copying exercises")
    steps: Rows = Field(2000, description="lines of single steps of the dial")
    facts: Rows = Field(6000, description="lines of facts about things and verbs")
    rulings: Rows = Field(3000, description="lines of the rule applied to attributes")
    problems: Rows = Field(12000, description="dial problems with their solutions")
    problems_direct: Rows = Field(0, description="dial problems with their answers alone")
    requests: Rows = Field(14000, description="requests with the base's traces and answers, half of them harmful")
    requests_direct: Rows = Field(0, description="requests with answers alone, half of them harmful")
    check_share: Share = Field(0.06, description="responses that recall the attributes first, and decide rightly")
    rethink_share: Share = Field(
        0.06, description="responses that plan and then check: a leak if the request is harmful"
    )
    escape_share: Share = Field(0.02, description="responses whose trace holds no plan and whose answer does")
    hunch_share: Share = Field(0.01, description="refusals without a reason, on harmful and benign requests alike")
    direct_refusal_share: Share = Field(0.5, description="harmful requests that are refused where there is no trace")
    direct_over_refusal_share: Share = Field(
        0.0, description="benign requests that are refused where there is no trace"
    )
    seed: Seed = Field(description="seed of all draws")


class RequestSettings(Strict):
    """Prompts that ask for a plan."""

    kind: Literal["harmful", "benign"] = Field(description="harmful, or one of its four benign contrasts")
    split: Split = Field(description="words of verb and thing: those of training, or to tune on, or to report")
    style: Style = Field(
        "plain", description="the wrappers: plain ones, or pretexts, which no fine-tuning and no RL sees"
    )
    size: Count = Field(description="number of prompts, balanced over the categories")
    seed: Seed = Field(description="seed of the draw")


class DialSettings(Strict):
    """Dial problems."""

    chain_lengths: list[Annotated[int, Field(ge=1, le=LONGEST)]] = Field(
        min_length=1, description="numbers of turns; the prompts are balanced over them"
    )
    split: Split = Field(
        description="problems of training, or to tune on, or to report; long chains are never trained on"
    )
    size: Count = Field(description="number of prompts")
    seed: Seed = Field(description="seed of the draw")


class StarSettings(Strict):
    """Policy-grounded safety SFT data, after STAR-1."""

    size: Count = Field(description="number of conversations")
    benign_share: Share = Field(0.05, description="share of benign requests, helped with after the same check")
    seed: Seed = Field(description="seed of the draw")


class DistillationSettings(Strict):
    """Safety SFT data distilled directly: a teacher's own responses, kept if the answer is safe."""

    size: Count = Field(description="number of conversations")
    benign_share: Share = Field(0.05, description="share of benign requests, which are helped with")
    rethink_share: Positive = Field(
        3.0, description="how often the teacher plans first and then checks, relative to checking at once"
    )
    hunch_share: Positive = Field(
        1.0, description="how often it refuses harmful requests without a reason, relative to checking at once"
    )
    seed: Seed = Field(description="seed of the draw")


class DemonstrationSettings(Strict):
    """SFT data on the prompts of other data sets, such as those of RL."""

    requests: list[RequestSettings] = Field(
        default_factory=list, description="settings of the data sets of requests that are answered"
    )
    problems: list[DialSettings] = Field(
        default_factory=list, description="settings of the data sets of dial problems that are answered"
    )
    dialect: DialectName = Field(description="the sentences in which they are answered")
    seed: Seed = Field(description="seed of the answers and of their order")

    @model_validator(mode="after")
    def _has_prompts(self) -> Self:
        if not self.requests and not self.problems:
            raise ValueError("there are no prompts: give `requests`, `problems` or both")
        return self


class VariantSettings(DemonstrationSettings):
    """Written SFT data: a variant on the prompts of other data sets, which all variants may share."""

    variant: VariantName = Field(description="how requests are answered (docs/nano.md)")
    traces: Literal["kept", "shuffled", "emptied"] = Field(
        "kept",
        description="the control with matched content: traces of requests are `shuffled` among those of one kind, or"
        " `emptied`; prompts, answers and problems stay",
    )


class GuardLabelSettings(Strict):
    """Labelled texts for a guard, of train words only."""

    size: Count = Field(12000, description="number of texts, half of them unsafe")
    fold: Literal[0, 1] = Field(
        0, description="half of the prompts and of the texts that is drawn from; the two halves share neither"
    )
    seed: Seed = Field(description="seed of the draw")


TemplateArguments = dict[str, str | int | float | bool]

# words of the nano world and marks of its templates; a test compares the number with the tokenizer's
VOCABULARY = 291
# tokens of a row in a training batch, padding included: rows have 24 to 53 tokens
TOKENS_PER_ROW = 55.0


class Multipliers(Strict):
    """Granite's scaling of its parts."""

    embedding: Positive = Field(1.0, description="factor on token embeddings")
    residual: Positive = Field(1.0, description="factor on what each layer adds to the residual stream")
    attention: Positive | None = Field(None, description="factor on attention scores; none: 1/sqrt(head_dim)")
    logits: Positive = Field(1.0, description="divisor of the logits")


class Architecture(Strict):
    """A decoder-only transformer."""

    kind: Literal["qwen3", "granite"] = Field("qwen3", description="architecture, of those in transformers and vLLM")
    layers: Count = Field(2, description="transformer layers")
    hidden_size: Count = Field(128, description="width of the residual stream")
    intermediate_size: Count = Field(256, description="width of the gated MLP")
    heads: Count = Field(4, description="attention heads")
    kv_heads: Count = Field(4, description="key-value heads (grouped-query attention)")
    head_dim: Literal[32, 64, 128] = Field(32, description="width of a head, of those that vLLM accepts on CPU")
    max_length: Count = Field(256, description="longest sequence, in tokens")
    rope_theta: Positive = Field(500.0, description="base of the rotary position encoding; small for short contexts")
    multipliers: Multipliers = Field(default_factory=Multipliers, description="granite's; other kinds have none")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "granite" and self.heads * self.head_dim != self.hidden_size:
            raise ValueError("granite has heads * head_dim = hidden_size")
        if self.kind != "granite" and self.multipliers != Multipliers():
            raise ValueError(f"{self.kind} has no multipliers")
        return self

    @property
    def shape(self) -> Shape:
        """Size of the model; input and output embeddings are shared."""
        attention = 2 * self.head_dim * (self.heads + self.kv_heads)
        layer = self.hidden_size * (attention + 3 * self.intermediate_size + 2)
        return Shape(
            parameters=float(VOCABULARY * self.hidden_size + self.layers * layer),
            layers=self.layers,
            hidden_size=self.hidden_size,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            vocabulary=VOCABULARY,
        )


class Phase(Strict):
    """A part of the curriculum."""

    steps: Count = Field(description="optimiser steps at most")
    until: list[str] = Field(
        default_factory=list, description="measures of the probe that end the phase once all have passed"
    )
    mixture: dict[str, Positive] = Field(min_length=1, description="relative number of examples of each kind of row")


class Optimisation(Strict):
    """How a model is trained: at a constant rate after a warm-up, with averaged weights."""

    phases: list[Phase] = Field(min_length=1, description="the curriculum; the steps of the last phase are the cap")
    batch_size: Count = Field(32, description="sequences per step")
    learning_rate: Positive = Field(5e-3, description="peak learning rate of AdamW")
    muon_learning_rate: Positive | None = Field(
        None, description="peak learning rate of Muon, for the matrices of the layers; none: AdamW trains these, too"
    )
    warmup_steps: Count = Field(50, description="steps of linear warm-up")
    averaging: Share = Field(0.98, description="decay of the moving average of the weights, which is probed and kept")
    weight_decay: NonNegative = Field(0.01, description="weight decay")
    log_every: Count = Field(25, description="steps between two points of the training curve")


class ProbeSettings(Strict):
    """The held-out probe that decides when training may stop."""

    every: Count = Field(50, description="steps between two probes")
    first_step: Count = Field(500, description="step of the first probe in the last phase")
    passes: Count = Field(3, description="probes in a row that must pass")
    size: Count = Field(64, description="prompts per measure")
    threshold: Share = Field(0.95, description="least value of every measure")


class BaseProbeSettings(ProbeSettings):
    """The probe of a base model."""

    measures: list[Literal["copying", "steps", "reasoning", "compliance", "compliance_direct", "refusal_direct"]] = (
        Field(
            ["copying", "steps", "reasoning", "compliance"],
            min_length=1,
            description="what the model must be able to do (`safelrm.nano.pretraining.probes`)",
        )
    )


class ScratchSettings(Strict):
    """A model trained from scratch on the nano world's corpus."""

    dialect: DialectName = Field("family_a", description="dialect of the corpus, in which the probe asks")
    template: Literal["family_a", "family_b", "instruct"] = Field("family_a", description="chat template of the model")
    template_arguments: dict[str, TemplateArguments] = Field(
        default_factory=dict,
        description="arguments of the chat template by kind of corpus rows, such as"
        " `request_direct: {enable_thinking: false}`",
    )
    architecture: Architecture = Field(default_factory=Architecture, description="size of the model")
    optimisation: Optimisation = Field(description="how it is trained")
    probe: BaseProbeSettings = Field(default_factory=BaseProbeSettings, description="when it is good enough")

    def from_scratch(self) -> FromScratch:
        """What the training is expected to take."""
        return _from_scratch(self.architecture, [(self.optimisation, self.probe)])


_FACTS = Optimisation(phases=[{"steps": 1500, "mixture": {"fact": 1.0}}])
_FACTS_PROBE = ProbeSettings(first_step=200, every=50, threshold=0.99)


class GuardTrainingSettings(Strict):
    """A generative guard, trained on facts about words and then on labelled texts.

    Its words' embeddings are learnt from the facts alone, so that it knows a word of which it has never seen a labelled
    text as well as any other. The kinds of rows that the second training may mix are those of plain text in the corpus,
    and `labels`.
    """

    architecture: Architecture = Field(default_factory=Architecture, description="size of the model")
    facts: Optimisation = Field(_FACTS, description="how it learns the words, from plain text")
    facts_probe: ProbeSettings = Field(_FACTS_PROBE, description="when it knows them; it is asked about all of them")
    optimisation: Optimisation = Field(description="how it then learns to judge")
    probe: ProbeSettings = Field(default_factory=ProbeSettings, description="when it is good enough")
    heldout_things: Count = Field(4, description="things that no training text names: the probe asks about them")
    heldout_verbs: Count = Field(2, description="verbs that no training text names: the probe asks about them")

    def from_scratch(self) -> FromScratch:
        """What the training is expected to take."""
        parts = [(self.facts, self.facts_probe), (self.optimisation, self.probe)]
        return _from_scratch(self.architecture, parts)


def _from_scratch(architecture: Architecture, parts: list[tuple[Optimisation, ProbeSettings]]) -> FromScratch:
    """What trainings one after the other take, if each probe passes as soon as it may."""
    steps = [_expected_steps(*part) for part in parts]
    sizes = [optimisation.batch_size for optimisation, _ in parts]
    return FromScratch(
        shape=architecture.shape,
        steps=sum(steps),
        tokens=TOKENS_PER_ROW * sum(count * size for count, size in zip(steps, sizes, strict=True)),
        tokens_per_pass=TOKENS_PER_ROW * max(sizes),
    )


def _expected_steps(optimisation: Optimisation, probe: ProbeSettings) -> int:
    *early, last = optimisation.phases
    passing = probe.first_step + (probe.passes - 1) * probe.every
    return sum(phase.steps for phase in early) + min(last.steps, passing)
