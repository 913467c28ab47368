"""How the answers behind a study's numbers were made, in a few sentences for captions."""

from collections.abc import Iterator, Mapping

from safelrm.dag.entries import BenchmarkEntry
from safelrm.dag.settings import Study

TUNED = "Settings are chosen by these numbers (``use: tune``), so they are no results."
# of a setting, how it is said; what is not named here is said by its name
_SAID = {"top_p": "top-p", "top_k": "top-k", "min_p": "min-p", "repetition_penalty": "repetition penalty"}


def protocol(study: Study) -> str:
    """What is added to prompts, how is sampled, and the token limit; per mode and benchmark where these differ.

    The text is reStructuredText. It is empty for a study without rollouts.
    """
    if study.rollouts is None:
        return ""
    rollouts = study.rollouts
    general = {"temperature": rollouts.temperature, "top_p": rollouts.top_p, **_unusual(rollouts.model_dump())}
    asked = [_said(general), _amounts(rollouts.samples, rollouts.max_tokens), *_of_modes(study), *_of_benchmarks(study)]
    parts = [_instructions(study), f"Sampling: {'; '.join(asked)}."]
    return " ".join([*parts, TUNED] if study.use == "tune" else parts)


def _unusual(sampling: Mapping[str, object]) -> dict[str, object]:
    """The settings of sampling that most studies leave at their defaults, where they are not."""
    usual = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    return {name: sampling[name] for name, value in usual.items() if sampling[name] != value}


def _said(sampling: Mapping[str, object]) -> str:
    return ", ".join(f"{_SAID.get(name, name)} {value:g}" for name, value in sampling.items())


def _amounts(samples: int | None, max_tokens: int | None) -> str:
    said = [] if samples is None else [f"{samples} {'sample' if samples == 1 else 'samples'} per prompt"]
    return ", ".join([*said, *([] if max_tokens is None else [f"at most {max_tokens} tokens"])])


def _of_modes(study: Study) -> Iterator[str]:
    """What decoding modes sample in another way."""
    for model in study.compared_models():
        for mode, decoding in study.models[model].decodings.items():
            if changes := decoding.sampling.given():
                yield f"{model} in mode {mode}: {_said(changes)}"


def _of_benchmarks(study: Study) -> Iterator[str]:
    """What benchmarks sample in another way."""
    for entry in study.benchmarks:
        said = [_said(entry.sampling.given()), _amounts(entry.samples, entry.max_tokens)]
        if any(said):
            yield f"{entry.name}: {', '.join(filter(None, said))}"


def _instructions(study: Study) -> str:
    """What is put below the prompts of each benchmark."""
    of: dict[str, list[str]] = {}
    for entry in study.benchmarks:
        if added := _instruction(study, entry):
            of.setdefault(added, []).append(entry.name)
    if not of:
        return "No instruction is added to prompts."
    return " ".join(f"Added to the prompts of {', '.join(names)}: ``{added}``." for added, names in of.items())


def _instruction(study: Study, entry: BenchmarkEntry) -> str:
    """What the benchmark and its data set put below a prompt, in one line."""
    given = (study.datasets[entry.dataset].settings.get("instruction"), entry.instruction)
    return " ".join(" ".join(str(text) for text in given if text).split()).replace("``", "'")
