"""What to try next when a training runs out of memory.

The steps follow the memory model of the plan (docs/cost.md). First come those that leave what is computed as it is:
activations are most of the memory of long sequences. Then come those that change what is computed, by what they save:
updates of low rank save 12 bytes per parameter, and 4 more of a reference model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from safelrm.training.settings import TrainingSettings

# a smaller share of a GPU rarely holds the policy and the cache of vLLM
LEAST_ENGINE_SHARE = 0.15
# with so few answers at a time, probes take little memory
FEW_ANSWERS = 8


@dataclass(frozen=True)
class Change:
    """Keys of a recipe with new values, and what they save. A dot in a key leads into a mapping."""

    values: Mapping[str, Any]
    saves: str


def advice(settings: TrainingSettings) -> str:
    """The next thing to try after a training with this recipe ran out of memory, as an instruction."""
    change = next_change(settings)
    if change is None:
        recipe = settings.model_dump()
        lengths = [f"`{key}: {recipe[key]}`" for key in ("max_length", "max_completion_tokens") if key in recipe]
        return (
            f"shorten the sequences (now {', '.join(lengths)}), describe more or larger GPUs in `execution`, or train"
            " a smaller model"
        )
    values = " and ".join(f"`{key}: {_written(value)}`" for key, value in change.values.items())
    return f"set {values} in the recipe: {change.saves}"


def next_change(settings: TrainingSettings) -> Change | None:
    """The first change of the recipe that it has not made yet; None when it has made all."""
    recipe = settings.model_dump() | {"has_reference": getattr(settings, "has_reference_model", False)}
    return next((change for step in STEPS if (change := step(recipe)) is not None), None)


def _checkpointing(recipe: Mapping[str, Any]) -> Change | None:
    if recipe["gradient_checkpointing"]:
        return None
    return Change(
        {"gradient_checkpointing": True},
        "a pass then keeps the inputs of its layers instead of all activations, and takes about a third longer",
    )


def _smaller_passes(recipe: Mapping[str, Any]) -> Change | None:
    """The same step in more passes."""
    if "micro_batches" in recipe:
        passes, size = recipe["micro_batches"], recipe["prompts_per_step"] * recipe["group_size"]
        size //= passes
        values = {"micro_batches": passes * _least_divisor(size)}
    else:
        passes, size = recipe["gradient_accumulation"], recipe["batch_size"]
        parts = _least_divisor(size)
        values = {"batch_size": size // parts, "gradient_accumulation": passes * parts}
    if size == 1:
        return None
    return Change(values, f"a pass then holds {size // _least_divisor(size)} of a step's sequences instead of {size}")


def _low_rank(recipe: Mapping[str, Any]) -> Change | None:
    if recipe["lora"] is not None:
        return None
    reference = ", and needs no reference model" if recipe["has_reference"] else ""
    return Change(
        {"lora": {"rank": 16}},
        f"training then keeps gradients and moments of updates of low rank only{reference}; this is another recipe",
    )


def _guard_arithmetic(recipe: Mapping[str, Any]) -> Change | None:
    """Of the guards that reward, then of those that probes read."""
    for key, reader in (("", recipe), ("probe.", recipe.get("probe") or {})):
        reads_guards = any(term["guards"] for term in reader.get("rewards", []))
        if reads_guards and reader["guard_dtype"] != "bfloat16":
            return Change({f"{key}guard_dtype": "bfloat16"}, "guards then take half of their memory")
    return None


def _fewer_answers(recipe: Mapping[str, Any]) -> Change | None:
    """Of the answers that a probe generates at a time."""
    together = (recipe.get("probe") or {}).get("batch_size", 0)
    if together <= FEW_ANSWERS:
        return None
    fewer = max(together // 4, FEW_ANSWERS)
    return Change({"probe.batch_size": fewer}, f"probes then generate {fewer} answers at a time instead of {together}")


def _arithmetic(recipe: Mapping[str, Any]) -> Change | None:
    if recipe["precision"] == "bfloat16":
        return None
    return Change({"precision": "bfloat16"}, "activations then take half of their memory")


def _engine(recipe: Mapping[str, Any]) -> Change | None:
    share = (recipe.get("vllm") or {}).get("gpu_memory_share", 0.0)
    if share <= LEAST_ENGINE_SHARE:
        return None
    return Change(
        {"vllm.gpu_memory_share": round(max(share / 2, LEAST_ENGINE_SHARE), 2)},
        f"vLLM then leaves more than {1 - share:.0%} of the GPU to the training; it must still hold the policy",
    )


STEPS: tuple[Callable[[Mapping[str, Any]], Change | None], ...] = (
    _checkpointing,
    _smaller_passes,
    _fewer_answers,
    _low_rank,
    _guard_arithmetic,
    _arithmetic,
    _engine,
)


def _least_divisor(number: int) -> int:
    """The least divisor above 1; 1 of 1."""
    return next((divisor for divisor in range(2, number + 1) if number % divisor == 0), 1)


def _written(value: Any) -> str:
    """A value as YAML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {each}" for key, each in value.items()) + "}"
    return str(value)
