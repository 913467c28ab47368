"""Settings of training: what SFT and RL share, then SFT, then RL."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, RootModel, field_validator, model_validator

from safelrm.core.settings import Count, Dtype, Name, NonNegative, Positive, Share, Strict
from safelrm.inference.settings import GuardSettings
from safelrm.training.losses import Loss, check_loss
from safelrm.training.options import check_options
from safelrm.training.presets import with_preset
from safelrm.training.reward_settings import ProbingSettings, RewardTerm
from safelrm.training.sampling_settings import PromptFilter, VllmEngine

# arguments of a chat template
TemplateArguments = dict[str, str | int | float | bool]


class LoraSettings(Strict):
    """LoRA (Hu et al. 2021): weights stay fixed, and linear layers learn updates of low rank, which are then added."""

    rank: Count = Field(16, description="rank of the updates")
    alpha: Count = Field(32, description="an update is multiplied by alpha / rank")
    dropout: Share = Field(0.0, lt=1.0, description="share of a layer's inputs that its update does not see in a step")
    target_modules: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = Field(
        "all-linear", description="names of the linear layers, such as q_proj; all-linear: all but the output layer"
    )
    keep_adapter: bool = Field(
        False, description="also keep the updates by themselves, in the folder `adapter` beside the model"
    )


class TrainingSettings(Strict):
    """Settings that SFT and RL share: how weights are updated.

    Attributes:
        trl_config: the class of TRL whose options `trainer` may set.
    """

    trl_config: ClassVar[str]

    max_gradient_norm: Positive = Field(1.0, description="gradients are scaled down to this norm")
    precision: Dtype = Field(
        "float32", description="arithmetic of forward and backward passes; master weights are always float32"
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, about a third slower"
    )
    lora: LoraSettings | None = Field(None, description="train updates of low rank only; none: train all weights")
    probe: ProbingSettings | None = Field(
        None, description="how the policy is probed while it is trained (docs/training.md); none: not at all"
    )
    trainer: dict[str, object] = Field(
        default_factory=dict,
        description="options of TRL's own configuration that the recipe has no key for, such as adam_beta2"
        " (docs/training.md)",
    )

    @property
    def read_guards(self) -> list[str]:
        """The guards that the training reads, each once."""
        return self.probe.guards if self.probe else []

    @property
    def probed(self) -> list[str]:
        """The data sets that probes ask."""
        return [asked.dataset for asked in self.probe.prompts] if self.probe else []

    @property
    def probe_terms(self) -> list[RewardTerm]:
        """The terms that score what probes are answered."""
        return self.probe.rewards if self.probe else []

    @field_validator("trainer")
    @classmethod
    def _check_trainer(cls, given: dict[str, object]) -> dict[str, object]:
        check_options(given, cls.trl_config, cls.model_fields)
        return given


class ModalSettings(TrainingSettings):
    """Settings that SFT and RL share: the decoding modes in which they train."""

    decodings: list[Name] = Field(
        default_factory=list,
        description="decoding modes of the model (`decodings` of `models`): SFT trains each row in each of them, the"
        " prompts of RL take turns between them; none: the chat template without arguments",
    )
    without_trace: list[Name] = Field(
        default_factory=list,
        description="those of the modes that ask for no trace, although the generation prompt does not close one",
    )

    @model_validator(mode="after")
    def _check_decodings(self) -> Self:
        if len(set(self.decodings)) < len(self.decodings):
            raise ValueError(f"decodings: each mode may be named once, found {self.decodings}")
        if unknown := sorted(set(self.without_trace) - set(self.decodings)):
            raise ValueError(f"without_trace: {unknown} are not among `decodings`, which are {self.decodings}")
        return self


class EpochSettings(TrainingSettings):
    """Settings that SFT and DPO share: passes over data that are there before training begins."""

    epochs: Positive = Field(description="passes over the data")
    batch_size: Count = Field(description="rows of a forward and backward pass; a row of DPO is a pair")
    gradient_accumulation: Count = Field(
        1, description="passes per optimiser step; the GPUs of a job share them, then the rows"
    )
    learning_rate: Positive = Field(description="peak learning rate of AdamW")
    warmup: Share = Field(0.05, lt=1.0, description="share of the steps spent warming up; cosine decay follows")
    weight_decay: NonNegative = Field(0.0, description="AdamW weight decay")
    max_length: Count = Field(
        description="tokens of a prompt with its response; a longer one is an error, never cut in silence"
    )
    batching: Literal["random", "by_length"] = Field(
        "random", description="rows of a step: any, or rows of nearly one length, which need little padding"
    )


class DataShare(Strict):
    """A data set of conversations, and its share of a mixture."""

    dataset: Name = Field(description="conversations, a key of `datasets` or of `selections`")
    weight: Positive = Field(description="relative number of rows drawn from it")


class SftSettings(ModalSettings, EpochSettings):
    """A recipe of supervised fine-tuning (SFT). A preset gives what the recipe leaves out (docs/training.md)."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required"))
    trl_config = "SFTConfig"

    preset: Name | None = Field(
        None,
        exclude=True,
        description="published settings, which hold unless they are given here; docs/training.md lists them",
    )
    dataset: Name | None = Field(
        None, description="the conversations to train on, a key of `datasets` or of `selections`"
    )
    mixture: list[DataShare] = Field(
        default_factory=list, description="in place of `dataset`: several data sets, each with its share of the rows"
    )
    candidates: Name | None = Field(
        None,
        description="in place of `dataset`: the best completion of each prompt, of a key of `candidates` (rejection"
        " sampling)",
    )
    min_reward: float | None = Field(
        None, description="least reward of a candidate that is trained on; its prompt is left out otherwise; none: any"
    )
    size: Count | None = Field(
        None, description="rows of the mixture; none: as many as the shares allow without using a row twice"
    )
    padding_free: bool = Field(
        False, description="lay the rows of a pass end to end, without padding; refused where the model would mix them"
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: object) -> object:
        return with_preset(given)

    @property
    def datasets(self) -> list[str]:
        """The data sets that are trained on; none of a recipe with candidates."""
        return [self.dataset] if self.dataset else [share.dataset for share in self.mixture]

    @model_validator(mode="after")
    def _check(self) -> "SftSettings":
        if bool(self.dataset) + bool(self.mixture) + bool(self.candidates) != 1:
            raise ValueError(
                "give either `dataset`, to train on one data set, or `mixture`, for several, or `candidates`"
            )
        if self.min_reward is not None and not self.candidates:
            raise ValueError("min_reward: only candidates have rewards; leave it out")
        if self.size and not self.mixture:
            raise ValueError("size: is that of a mixture; a single data set is trained on whole")
        if len(set(self.datasets)) < len(self.datasets):
            raise ValueError(f"mixture: each data set may be named once, found {self.datasets}")
        return self


class SftJobSettings(SftSettings):
    """Settings of one SFT job: its recipe, and the decoding modes of its model that the recipe names."""

    templates: dict[Name, TemplateArguments] = Field(
        default_factory=dict, description="arguments of the chat template, by decoding mode"
    )


class PromptShare(Strict):
    """A data set of prompts, and its share of the mixture."""

    dataset: Name = Field(description="prompts to sample rollouts for, a key of `datasets`")
    weight: Positive = Field(description="relative number of prompts drawn from it")


class GuardReadings(RootModel[dict[Name, GuardSettings]]):
    """How the guards of a reward are asked and read, by name."""


class RlSettings(ModalSettings):
    """A recipe of reinforcement learning (RL): GRPO (Shao et al. 2024) or a loss derived from it."""

    trl_config = "GRPOConfig"

    prompts: list[PromptShare] = Field(min_length=1, description="the mixture of prompts")
    rewards: list[RewardTerm] = Field(min_length=1, description="the terms of the reward")
    guard_dtype: Dtype = Field(
        "float32", description="arithmetic of the guards that terms read; each GPU of the job holds them whole"
    )
    loss: Loss = Field("dapo", description="loss type of TRL's GRPO trainer (docs/training.md)")
    scale_rewards: Literal["group", "batch", "none"] = Field(
        "group", description="standard deviation that advantages are divided by; Dr. GRPO divides by none"
    )
    aggregation: Literal["sum_then_normalize", "normalize_then_sum"] = Field(
        "sum_then_normalize",
        description="whether the terms of the reward are summed before they are normalised, or after it (GDPO)",
    )
    prompt_filter: PromptFilter | None = Field(
        None, description="drop the prompts whose completions all earn the same reward; none: keep all"
    )
    steps: Count = Field(description="optimiser steps")
    group_size: int = Field(ge=2, description="completions per prompt (the group of the advantage)")
    prompts_per_step: Count = Field(description="prompts per optimiser step")
    micro_batches: Count = Field(
        1, description="passes that a step's completions are split into; the GPUs of a job share them"
    )
    iterations: Count = Field(1, description="optimiser steps per batch of rollouts; the ratio is clipped from 2 on")
    learning_rate: Positive = Field(description="learning rate of AdamW, constant after the warm-up")
    warmup: Share = Field(0.0, lt=1.0, description="share of the steps spent warming up")
    kl_coefficient: NonNegative = Field(0.0, description="beta of the KL term against the reference model")
    use_bias_correction_kl: bool = Field(
        False, description="weigh the KL term by the importance ratio (DeepSeek-V3.2); false: GRPO's own KL term"
    )
    clip: Positive | None = Field(
        None, description="epsilon of the clipped ratio; none: 0.2; the losses cispo and sapo have none"
    )
    clip_high: Positive | None = Field(
        None, description="epsilon above 1, where it differs (DAPO: 0.28); for cispo the greatest ratio itself (5.0)"
    )
    mask_truncated: bool = Field(False, description="leave completions cut at the limit out of the loss (DAPO)")
    temperature: Positive = Field(1.0, description="sampling temperature of rollouts")
    max_completion_tokens: Count = Field(description="token limit of a rollout")
    max_idle_batches: Count | None = Field(
        50,
        description="the run ends after so many batches of rollouts in a row in which every group earns equal rewards,"
        " so that the policy learns nothing; none: it goes on",
    )
    vllm: VllmEngine | None = Field(None, description="generate with vLLM (CUDA only) instead of transformers")

    @property
    def guards(self) -> list[str]:
        """The guards that terms of the reward read, each once."""
        return list(dict.fromkeys(guard for term in self.rewards for guard in term.guards))

    @property
    def read_guards(self) -> list[str]:
        """The guards that the reward or the probes read, each once."""
        return list(dict.fromkeys([*self.guards, *super().read_guards]))

    @property
    def has_reference_model(self) -> bool:
        """Whether the KL term needs a second model. With LoRA the model without its updates is the reference."""
        return self.kl_coefficient > 0 and self.lora is None

    @model_validator(mode="after")
    def _check(self) -> "RlSettings":
        names = [term.name for term in self.rewards]
        if len(set(names)) < len(names):
            raise ValueError(
                f"rewards: each term has a name of its own, found {names}; give one of them another `name`"
            )
        datasets = [share.dataset for share in self.prompts]
        if len(set(datasets)) < len(datasets):
            raise ValueError(f"prompts: each data set may be named once, found {datasets}")
        if self.prompts_per_step * self.group_size % self.micro_batches:
            raise ValueError("micro_batches: must divide prompts_per_step x group_size")
        check_loss(self)
        return self


class RlJobSettings(RlSettings):
    """Settings of one RL job: its recipe, and the decoding modes of its model that the recipe names."""

    templates: dict[Name, TemplateArguments] = Field(
        default_factory=dict, description="arguments of the chat template, by decoding mode"
    )
