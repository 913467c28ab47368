"""Interventions: modules that change how a model is asked, or the model in the engine, without training it.

An arm names an intervention with `with`, a key of `interventions`. The module offers

    class Settings(Strict)
    def intervene(request: ChatRequest, settings: Settings) -> ChatRequest
    def edit_model(model: torch.nn.Module, settings: Settings) -> None

and may leave out one of the two functions. `intervene` is called once for each request and returns a changed copy
(`dataclasses.replace`). `edit_model` changes the model that vLLM has loaded, before it answers anything, by hooks on
its modules (`register_forward_hook`), as for steering. An edit of weights has no effect on a CPU, where vLLM has packed
them: other weights are a model of their own, made by a factory. On several GPUs `edit_model` is called once for each
GPU, with that GPU's part of the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel, ValidationError

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.generation.selected import load_selected
from safelrm.generation.settings import InterventionJobSettings, SamplingSettings, TemplateArguments

Edit = Callable[[object], None]


@dataclass(frozen=True)
class ChatRequest:
    """What a model is asked.

    Attributes:
        messages: the conversation; each message has a `role` and a `content`.
        template: arguments of the chat template.
        sampling: `temperature`, `top_p`, `top_k`, `min_p`, `repetition_penalty` and `max_tokens`.
        prefill: text that the assistant's turn begins with. The model goes on from there.
    """

    messages: tuple[Mapping[str, str], ...]
    template: Mapping[str, str | int | float | bool]
    sampling: Mapping[str, float | int]
    prefill: str = ""


class _Checked(BaseModel, strict=True):
    """The types of a request's parts."""

    messages: Sequence[Mapping[str, str]]
    template: TemplateArguments
    sampling: SamplingSettings
    prefill: str


class Intervention:
    """An intervention that is loaded; None stands for none.

    Raises:
        SafeLRMError: the module is no intervention, or takes other settings.
    """

    def __init__(self, chosen: InterventionJobSettings | None) -> None:
        self._chosen, self._intervene = chosen, None
        self.edit: Edit | None = None
        if chosen is None:
            return
        module, settings = load_selected(chosen, "an intervention", "intervene", "edit_model")
        if hasattr(module, "intervene"):
            self._intervene = partial(module.intervene, settings=settings)
        if hasattr(module, "edit_model"):
            self.edit = partial(module.edit_model, settings=settings)

    @property
    def context(self) -> dict[str, object]:
        """What answers depend on beside their questions: for a model that is edited, by what."""
        return {"edited_by": self._chosen.model_dump(mode="json")} if self.edit else {}

    def changed(self, request: ChatRequest) -> ChatRequest:
        """The request as the intervention wants it.

        Raises:
            SafeLRMError: the intervention returns no request, or one with parts of another type or out of range.
        """
        if self._intervene is None:
            return request
        found, module = self._intervene(request), self._chosen.module
        if not isinstance(found, ChatRequest):
            problem = f"returns {type(found).__name__}, must return a ChatRequest"
            raise SafeLRMError(problem, file=module, key="intervene", fix="return dataclasses.replace(request, …)")
        try:
            checked = _Checked.model_validate({name: getattr(found, name) for name in _Checked.model_fields})
        except ValidationError as error:
            fault = settings_error(error, module)
            fault.fix = "return a request whose parts are of the types that ChatRequest names"
            raise fault from None
        if not checked.messages or any({"role", "content"} - set(one) for one in checked.messages):
            problem = "returns a request without messages, or with one that lacks `role` or `content`"
            raise SafeLRMError(problem, file=module, key="messages", fix="give every message both")
        return ChatRequest(tuple(checked.messages), checked.template, checked.sampling.model_dump(), checked.prefill)
