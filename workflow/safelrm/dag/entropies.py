"""Which runs of a study have their entropies taken, and at which temperature."""

from safelrm.core.arms import intervention_of
from safelrm.core.errors import SafeLRMError
from safelrm.dag.paths import entropy_file
from safelrm.dag.settings import Study
from safelrm.generation.settings import RolloutJobSettings

# by the inputs of figures and tables, the folders of the files of all runs
ENTROPY_TABLES = ("entropies", "entropy_histograms", "entropy_positions")


def entropy_models(study: Study) -> list[str]:
    """The models whose runs are read."""
    if study.entropies is None:
        return []
    return study.compared_models() if study.entropies.models is None else study.entropies.models


def entropy_runs(study: Study) -> list[tuple[str, str, int]]:
    """Model, arm and seed of the runs that are read: all but those that are asked with an intervention.

    What an intervention has made of a prompt, or of the model, is not known after it.
    """
    models = entropy_models(study)
    return [run for run in study.runs() if run[0] in models and intervention_of(run[1]) is None]


def entropy_files(study: Study, table: str) -> list[str]:
    """The files of one of the tables."""
    return [entropy_file(study.name, table, *run) for run in entropy_runs(study)]


def temperatures(study: Study, model: str) -> dict[str, dict[str, float]]:
    """By benchmark and decoding mode of a model, the temperature at which distributions are taken."""
    asked = study.entropies
    settings = RolloutJobSettings(
        **dict(study.rollouts),
        decodings=study.models[model].decodings,
        benchmarks={entry.name: entry.asked for entry in study.benchmarks},
    )
    return {
        name: {mode: asked.temperature or settings.sampling(name, mode).temperature for mode in settings.decodings}
        for name in asked.benchmarks
    }


def check_entropies(study: Study, file: str) -> None:
    """Make sure that entropies can be taken of the runs that the study asks about.

    Raises:
        SafeLRMError: a model has no run that can be read, or samples are drawn at temperature 0 and no other one is
            given.
    """
    if study.entropies is None:
        return
    read = {model for model, _, _ in entropy_runs(study)}
    for model in entropy_models(study):
        if model not in read:
            raise SafeLRMError(
                f"no arm of `{model}` is asked without an intervention",
                file=file,
                key="entropies.models",
                fix="leave this model out, or add an arm of it",
            )
        for name, modes in temperatures(study, model).items():
            if greedy := [mode for mode, temperature in modes.items() if temperature == 0]:
                raise SafeLRMError(
                    f"samples of `{name}` by `{model}` are drawn at temperature 0 ({', '.join(greedy)}), where every"
                    " entropy is 0",
                    file=file,
                    key="entropies.temperature",
                    fix="give the temperature at which distributions are taken, such as 1.0",
                )
