"""Settings of distillations: who is asked, what, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, ModulePath, ModuleSettings, Name, Seed, Strict
from safelrm.generation.settings import DecodingMode, SamplingSettings
from safelrm.inference.settings import EndpointSettings

# the name of an arm without an intervention, such as rl-grpo-from-sft-star1
_STEP = "(sft|dpo|rl)-[a-z0-9_]+"
TrainedArm = Annotated[str, Field(pattern=rf"^(base|{_STEP}(-from-{_STEP})*)$")]

# the package of the modules that ask each kind of teacher
TEACHERS = "safelrm.generation.teachers"


class CheckpointTeacher(Strict):
    """A checkpoint of the study, which vLLM serves. Its arm need not be one of `arms`."""

    model: Name = Field(description="a key of `models`")
    arm: TrainedArm = Field(
        "base", description="the arm whose checkpoint answers, by its name, such as sft-star1 or rl-grpo-from-sft-star1"
    )
    seed: Seed = Field(0, description="seed of that arm; a base is made once, with its model's own seed")
    decoding: Name | None = Field(
        None, description="decoding mode in which it is asked, of `decodings` of the model; none: the first"
    )
    dtype: Dtype = Field("float32", description="arithmetic of the engine")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")


class EndpointTeacher(EndpointSettings):
    """A model behind an OpenAI-compatible endpoint."""

    also_named: list[str] = Field(
        default_factory=list,
        description="other names by which replies may call the model; a reply that calls it by yet another name ends"
        " the job",
    )
    send_seed: bool = Field(
        True, description="send each request's seed; false: the server takes none, and samples differ by themselves"
    )


class Instruction(Strict):
    """A text that the teacher is shown with every prompt. The student never sees it."""

    text: str = Field(min_length=1, description="the text")
    place: Literal["before", "after", "system"] = Field(
        "after", description="before or after the prompt, with an empty line between them, or as the system prompt"
    )


class TeacherSettings(Strict):
    """Who writes the responses: a checkpoint, an endpoint or a module."""

    checkpoint: CheckpointTeacher | None = Field(None, description="a checkpoint of the study")
    endpoint: EndpointTeacher | None = Field(None, description="a model behind an endpoint")
    module: ModulePath | None = Field(
        None, description="a module that writes responses, such as safelrm.nano.writer (docs/data.md)"
    )
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")

    @property
    def asked_by(self) -> str:
        """The module that asks this kind of teacher."""
        kind = "checkpoint" if self.checkpoint else "endpoint" if self.endpoint else "writer"
        return f"{TEACHERS}.{kind}"

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(map(bool, (self.checkpoint, self.endpoint, self.module))) != 1:
            raise ValueError("give either `checkpoint`, or `endpoint`, or `module`")
        if self.settings and not self.module:
            raise ValueError("settings: are those of a `module`; leave them out")
        return self


class TeachingSettings(Strict):
    """Responses of a teacher to prompts, several to each, from which selections choose what is trained on."""

    teacher: TeacherSettings = Field(description="who writes the responses")
    prompts: list[Name] = Field(min_length=1, description="prompts, keys of `datasets`")
    samples: Count = Field(1, description="responses to each prompt")
    instruction: Instruction | None = Field(
        None, description="a text that the teacher is shown with every prompt, and the student is not; none: none"
    )
    sampling: SamplingSettings | None = Field(
        None, description="how a checkpoint or an endpoint samples; none for a module that writes"
    )
    seed: Seed = Field(
        description="the seed of each response is derived from this, the teacher's seed, the prompt and the sample"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.prompts)) < len(self.prompts):
            raise ValueError(f"prompts: each may be named once, found {self.prompts}")
        if bool(self.teacher.module) == bool(self.sampling):
            raise ValueError(
                "sampling: a module that writes samples in its own way; leave it out"
                if self.teacher.module
                else "sampling: say how the teacher samples, at least its `temperature` and `max_tokens`"
            )
        if self.sampling and self.sampling.temperature == 0 and self.samples > 1:
            raise ValueError("samples: several at temperature 0 are one repeated; ask for one, or raise `temperature`")
        return self


class DistillJobSettings(TeachingSettings):
    """Settings of one job: those of a distillation, and the decoding mode of its checkpoint."""

    mode: DecodingMode = Field(default_factory=DecodingMode, description="the decoding mode of the checkpoint")
