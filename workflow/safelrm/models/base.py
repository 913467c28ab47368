"""Make a base model with a model factory, which trains it, or takes it from a hub or a folder.

Input:  the files that the factory takes: data sets, what was fetched from a hub, or a folder of the user.
Output: the folder `model` (safetensors weights, configuration, tokenizer with its chat template), the training curve,
        and the manifest, which is written last.

A factory is a module, which the configuration names by its dotted path. It offers `Settings`, `INPUTS` (the names of
the files that it takes) and

    make(settings: Settings, inputs: Mapping[str, Path], seed: int, work: Path) -> tuple[SavableModel, DataFrame]

`make` returns the model and its training curve (rows of CURVES; no rows if nothing was trained). It may keep state of a
killed run in the folder `work`. The stage `guard` makes guards in the same way.
"""

from pathlib import Path
from typing import Protocol

from safelrm.core.checkpoints import model_folder, write_manifest
from safelrm.core.cli import named_paths, parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.core.registered import load_registered
from safelrm.core.work import resumable_parser, run_resumably
from safelrm.models.files import files_in
from safelrm.models.schemas import CURVES


class SavableModel(Protocol):
    """A model that a factory has made."""

    def save(self, folder: Path) -> None:
        """Write the files `core.checkpoints.MODEL_FILES` into a folder, which does not exist yet."""


def write_model(model: SavableModel, manifest: Path) -> None:
    """Write the folder `model` beside `manifest`, then the manifest."""
    with atomic_path(model_folder(manifest)) as folder:
        model.save(folder)
    write_manifest(manifest)


def make_model(stage: str, description: str | None) -> Path:
    """Run the stage `base` or `guard`: write the curve, the folder `model`, then the manifest beside it; the manifest.

    Args:
        stage: name of the stage.
        description: text of its command-line help.

    Raises:
        SafeLRMError: the given inputs are not those that the factory takes, or the factory fails.
    """
    parser = resumable_parser(description)
    parser.add_argument("--factory", required=True, help="module of the factory, such as safelrm.nano.pretraining.base")
    parser.add_argument("--inputs", required=True, nargs="+", metavar="NAME=PATH", help="files that the factory takes")
    parser.add_argument("--seed", required=True, type=int, help="seed of the weights and of the order of examples")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest to write, beside the folder `model`")
    parser.add_argument("--curve", required=True, type=Path, help="table CURVES to write")
    arguments = parser.parse_args()
    factory = load_registered(arguments.factory, "Settings", "INPUTS", "make")
    settings = parse_settings(factory.Settings, arguments.settings)
    inputs = named_paths("--inputs", arguments.inputs)
    if set(inputs) != set(factory.INPUTS):
        raise SafeLRMError(
            f"the factory {arguments.factory} takes the inputs {sorted(factory.INPUTS)}, not {sorted(inputs)}",
            file="--inputs",
            fix="give the inputs that it takes, or name another factory",
        )

    def make(work: Path) -> None:
        model, curve = factory.make(settings, inputs, arguments.seed, work)
        CURVES.write(arguments.curve, curve, allow_empty=True)
        write_model(model, arguments.manifest)

    outputs = [arguments.manifest, model_folder(arguments.manifest), arguments.curve]
    # of a folder, what is in it
    files = [file for path in inputs.values() for file in (files_in(path) if path.is_dir() else [path])]
    run_resumably(stage, arguments, files, outputs, make)
    return arguments.manifest


def main() -> Path:
    """Run the stage; the manifest that it has written."""
    return make_model("base", __doc__)


if __name__ == "__main__":
    run(main)
