"""Where the outputs of rules lie."""

from collections.abc import Iterable
from pathlib import Path

from safelrm.core.arms import FROM, plain_arm
from safelrm.core.checkpoints import ADAPTER_FILES, CLASSIFIER_FILES, MODEL_FILES


def data_file(name: str) -> str:
    """A data set."""
    return f"data/{name}.parquet"


def dropped_file(name: str) -> str:
    """The rows that a data set lacks of the one that it is made from."""
    return f"data/dropped/{name}.csv"


def data_files(names: Iterable[str]) -> list[str]:
    """Data sets."""
    return [data_file(name) for name in names]


def named_data_files(names: Iterable[str]) -> list[str]:
    """`name=path` of data sets, as stages take them."""
    return [f"{name}={data_file(name)}" for name in names]


def run_manifest(model: str, arm: str, seed: int | str) -> str:
    """The manifest of a run's checkpoint. All runs of a base have one; an intervention has none of its own."""
    plain = plain_arm(arm)
    return f"checkpoints/{model}/{plain}/seed{0 if plain == 'base' else seed}/manifest.json"


def guard_manifest(name: str) -> str:
    """The manifest of a guard."""
    return f"checkpoints/guards/{name}/manifest.json"


def classifier_manifest(name: str) -> str:
    """The manifest of a classifier of refusals."""
    return f"checkpoints/classifiers/{name}/manifest.json"


def classifier_folds(name: str) -> str:
    """How a classifier of refusals agrees with labels on completions that were left out."""
    return f"results/training/classifiers/{name}.csv"


def rollouts_file(model: str, arm: str, seed: int | str) -> str:
    """The rollouts of a run."""
    return f"rollouts/{model}/{arm}/seed{seed}.parquet"


def curve_file(model: str, arm: str, seed: int | str) -> str:
    """The training curve of a run. All runs of a base have one training; an intervention has none of its own."""
    plain = plain_arm(arm)
    return f"results/training/{model}/{plain}/seed{0 if plain == 'base' else seed}.parquet"


def candidates_file(model: str, name: str, start: str | None, seed: int | str) -> str:
    """The candidates of a run: those of the arm that it starts from, or of the base."""
    return f"data/candidates/{model}/{name}{FROM + start if start else ''}/seed{seed}.parquet"


def distilled_file(name: str) -> str:
    """The responses of a distillation."""
    return f"data/distilled/{name}.parquet"


def selected_file(name: str) -> str:
    """The conversations of a selection."""
    return f"data/selected/{name}.parquet"


def outcomes_file(name: str) -> str:
    """What became of every sample in a selection."""
    return f"results/selections/{name}.parquet"


def distilled_verdicts(study: str, judge: str, name: str) -> str:
    """The verdicts of a judge on a distillation."""
    return result_file(study, f"distilled/{judge}/{name}.parquet")


def probes_file(model: str, arm: str, seed: int | str) -> str:
    """What the policy of a run answered to probes while it was trained; an intervention has no training of its own."""
    return f"results/probes/{model}/{plain_arm(arm)}/seed{seed}.parquet"


def min_k_file(study: str, model: str) -> str:
    """Min-K% probabilities of data sets under a base."""
    return result_file(study, f"min_k/{model}.parquet")


def trajectory_file(study: str, model: str) -> str:
    """What a guard says of the traces of a model, sentence by sentence."""
    return result_file(study, f"trajectory/{model}.parquet")


def entropy_file(study: str, table: str, model: str, arm: str, seed: int | str) -> str:
    """A table of entropies of a run's samples."""
    return result_file(study, f"{table}/{model}/{arm}/seed{seed}.parquet")


def result_file(study: str, name: str) -> str:
    """A result of a study."""
    return f"results/{study}/{name}"


def fetched_model(repo: str) -> str:
    """The manifest of a model that was fetched from a hub."""
    return f"hub/models/{repo.replace('/', '--')}/manifest.json"


def fetched_dataset(name: str) -> tuple[str, str]:
    """The rows and the manifest of a data set that was fetched from a hub."""
    return f"hub/datasets/{name}/rows.jsonl", f"hub/datasets/{name}/manifest.json"


def checkpoint(folder: str) -> dict[str, str]:
    """The outputs of a rule that makes a checkpoint: its model files and its manifest."""
    model = {Path(name).stem: f"{folder}/model/{name}" for name in MODEL_FILES}
    return model | {"manifest": f"{folder}/manifest.json"}


def classifier(folder: str) -> dict[str, str]:
    """The outputs of a rule that makes a classifier: its files and its manifest."""
    model = {Path(name).name.replace(".", "_"): f"{folder}/model/{name}" for name in CLASSIFIER_FILES}
    return model | {"manifest": f"{folder}/manifest.json"}


def adapter(folder: str) -> dict[str, str]:
    """What a rule writes into the folder of a checkpoint beside the checkpoint, if the training keeps its adapter."""
    return {Path(name).stem: f"{folder}/adapter/{name}" for name in ADAPTER_FILES}
