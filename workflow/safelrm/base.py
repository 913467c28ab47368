"""Make a base model with a model factory.

Writes the folder `model` beside the manifest (safetensors weights, configuration, tokenizer with its chat
template), the manifest itself and the training curve.
"""

import importlib
from pathlib import Path

from safelrm.core.checkpoints import model_folder
from safelrm.core.cli import parse_settings, run
from safelrm.core.work import resumable_parser, run_resumably
from safelrm.factory.output import write_model
from safelrm.schemas.corpus import CORPUS
from safelrm.schemas.curves import CURVES


def main() -> None:
    """The command line."""
    parser = resumable_parser(__doc__)
    parser.add_argument("--factory", required=True, help="module of the factory, such as safelrm.factory.scratch")
    parser.add_argument("--corpus", required=True, type=Path, help="table CORPUS: the pre-training text")
    parser.add_argument("--seed", required=True, type=int, help="seed of the weights and of the order of examples")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest to write, beside the folder `model`")
    parser.add_argument("--curve", required=True, type=Path, help="table CURVES to write")
    arguments = parser.parse_args()
    factory = importlib.import_module(arguments.factory)
    settings = parse_settings(factory.Settings, arguments.settings)
    corpus = CORPUS.read(arguments.corpus)

    def make(work: Path) -> None:
        model, tokenizer, curve = factory.make(settings, corpus, arguments.seed, work)
        CURVES.write(arguments.curve, curve)
        write_model(model, tokenizer, arguments.manifest)

    outputs = [arguments.manifest, model_folder(arguments.manifest), arguments.curve]
    run_resumably("base", arguments, [arguments.corpus], outputs, make)


if __name__ == "__main__":
    run(main)
