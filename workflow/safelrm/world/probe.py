"""The probe of a base model: greedy completions of fixed prompts, marked."""

import random
from collections.abc import Collection, Mapping, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from safelrm.core.seeding import derive_seed
from safelrm.core.trace import OPEN, parse_completion
from safelrm.factory.measures import chosen
from safelrm.settings.factory import TemplateArguments
from safelrm.world.dialects import Dialect
from safelrm.world.probe_measures import MEASURES, Task


class BaseProbe:
    """The measures of `safelrm.world.probe_measures` that a model must pass.

    Args:
        tokenizer: with the chat template of the model's family.
        dialect: the sentences of its family.
        template_arguments: arguments of the chat template, by kind of corpus rows.
        measures: names of the measures.
        size: prompts per measure.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        dialect: Dialect,
        template_arguments: Mapping[str, TemplateArguments],
        measures: Sequence[str],
        size: int,
    ) -> None:
        self.tokenizer, self.template_arguments = tokenizer, template_arguments
        self.tasks: dict[str, list[Task]] = {}
        for name in measures:
            rng = random.Random(derive_seed("base_probe", name))
            self.tasks[name] = [MEASURES[name].draw(rng, dialect) for _ in range(size)]

    def __call__(self, model: PreTrainedModel, measures: Collection[str] = ()) -> dict[str, float]:
        """These measures of a model; all of the probe's if none is named.

        Raises:
            SafeLRMError: one is unknown.
        """
        return {name: self._share_right(model, name) for name in chosen(measures, self.tasks)}

    def _share_right(self, model: PreTrainedModel, name: str) -> float:
        texts = self._texts(model, name)
        marks = [
            text is not None and is_right(text) for text, (_, is_right) in zip(texts, self.tasks[name], strict=True)
        ]
        return sum(marks) / len(marks)

    def _texts(self, model: PreTrainedModel, name: str) -> list[str | None]:
        """What is marked: completions of plain text; of a chat the answers, None where it is not of the form wanted."""
        measure = MEASURES[name]
        prompts = [prompt for prompt, _ in self.tasks[name]]
        if measure.kind is None:
            return self._complete(model, prompts, measure.max_new_tokens)
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
        arguments = self.template_arguments.get(measure.kind, {})
        prompts = self.tokenizer.apply_chat_template(chats, add_generation_prompt=True, tokenize=False, **arguments)
        prefilled = prompts[0].rstrip().endswith(OPEN)
        completions = self._complete(model, prompts, measure.max_new_tokens)
        parts = [parse_completion(completion, prefilled=prefilled) for completion in completions]
        wanted = "ok" if measure.traced else "no_think"
        return [part.answer if part.state == wanted else None for part in parts]

    def _complete(self, model: PreTrainedModel, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        inputs = self.tokenizer(list(prompts), return_tensors="pt", padding=True)
        with torch.inference_mode():
            output = model.generate(**inputs, do_sample=False, max_new_tokens=max_new_tokens)
        return self.tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
