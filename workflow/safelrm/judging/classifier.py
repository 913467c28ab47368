"""Train a classifier of refusals on labelled completions, and check it on completions that were left out.

Input:  tables of labelled completions, and a sentence encoder: the folder of a model, or the manifest of a download.
Output: the folder `model` (the encoder, and the classifier's weights as safetensors), a CSV file with the columns of
        FOLDED, and the manifest, which is written last. It lists the labelled sets with their SHA-256, and the encoder.

judging/refusals/model.py says how it learns, and judging/refusals/folds.py how it is checked. The weights are made from
all completions, the figures by classifiers that had not seen what they are asked about. Completions without an answer,
and those that are not English, are left out and counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pandas as pd

from safelrm.core.checkpoints import verified_download
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256
from safelrm.core.trace import parse_any
from safelrm.data.schemas import LABELLED, LABELS
from safelrm.judging.learned_refusal import state_of
from safelrm.judging.refusals.checkpoint import ENCODER_FILES, read_by, write_classifier
from safelrm.judging.refusals.encoder import Encoder
from safelrm.judging.refusals.examples import WRITTEN
from safelrm.judging.refusals.folds import folded_rows, held_out
from safelrm.judging.refusals.model import Examples, Weights, train
from safelrm.judging.refusals.schemas import FOLDED
from safelrm.judging.refusals.settings import ClassifierSettings
from safelrm.judging.schemas import SCORED

Rows = Iterator[dict[str, object]]

# they are few beside the sentences of labelled sets
WRITTEN_COUNTS = 3


def labelled_answers(name: str, table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The answers of a labelled set that can be judged: `labelled` (its name), `prompt`, `answer` and `label`.

    Of an attack the prompt is its behaviour.

    Raises:
        SafeLRMError: a label is missing, or is no degree of refusal.
    """
    unknown = sorted({str(label) for label in table["final_label"]} - set(LABELS))
    if unknown:
        fix = f"map the labels of this data set to {list(LABELS)}, and leave out rows without one"
        raise SafeLRMError(f"holds the labels {unknown[:5]}", file=path, key="final_label", fix=fix)
    parsed = [parse_any(text) for text in table["completion"]]
    kept = [state_of(each.answer, each.state) == SCORED for each in parsed]
    # attacks of one behaviour are one prompt in many wordings, which no fold may split
    prompts = table["behavior"].where(table["behavior"].notna(), table["prompt"]).str.strip()
    answers = [each.answer for each in parsed]
    rows = pd.DataFrame({"prompt": prompts, "labelled": name, "answer": answers, "label": table["final_label"]})
    return rows[kept]


def written_answers() -> pd.DataFrame:
    """The written examples, as the rows of `labelled_answers`. They are of no set, and each counts several times."""
    rows = pd.DataFrame(WRITTEN * WRITTEN_COUNTS, columns=["answer", "label"])
    return rows.assign(labelled=None, prompt=rows["answer"])


def require_every_label(rows: pd.DataFrame) -> None:
    """Refuse labelled sets that lack a label: a classifier would never give it.

    Raises:
        SafeLRMError: they do.
    """
    counts = Counter(rows["label"])
    if missing := [label for label in LABELS if not counts[label]]:
        raise SafeLRMError(
            f"no completion is labelled {missing}", key="labelled", fix="add a labelled set that has such completions"
        )


def seen_sets(paths: Mapping[str, Path], rows: pd.DataFrame, sizes: Mapping[str, int]) -> dict[str, object]:
    """What the manifest says of the labelled sets: their hashes, rows, labels, and how many were left out."""
    return {
        name: {
            "sha256": sha256(path),
            "labels": dict(sorted(Counter(rows["label"][rows["labelled"] == name]).items())),
            "left_out": sizes[name] - int((rows["labelled"] == name).sum()),
        }
        for name, path in paths.items()
    }


def checked(rows: pd.DataFrame, examples: Examples, sizes: Mapping[str, int], settings: ClassifierSettings) -> Rows:
    """Rows of FOLDED: how classifiers do that have not seen what they are asked about.

    Args:
        rows: answers of labelled sets, and written ones.
        examples: the same, as a classifier reads them.
        sizes: completions of each labelled set, those that were left out included.
        settings: how a classifier is trained.
    """
    asked = rows["labelled"].notna().to_numpy()
    found = held_out(examples, rows, settings)[asked]
    unscored = Counter({name: size - int((rows["labelled"] == name).sum()) for name, size in sizes.items()})
    return folded_rows(rows[asked], found, examples.phrases[asked, 0], unscored)


def taught(rows: pd.DataFrame, examples: Examples, settings: ClassifierSettings) -> Weights:
    """The weights of a classifier that learns from all rows.

    Raises:
        SafeLRMError: they are not finite.
    """
    weights = train(examples, list(rows["label"]), list(rows["prompt"]), settings)
    if not all(np.isfinite(part).all() for part in astuple(weights)):
        raise SafeLRMError("the weights are not finite", key="settings", fix="raise the penalties")
    return weights


def main() -> Path:
    """Run the stage; the manifest that it has written."""
    parser = stage_parser(__doc__)
    parser.add_argument("--labelled", required=True, nargs="+", metavar="NAME=PATH", help="labelled completions")
    parser.add_argument(
        "--encoder", required=True, type=Path, help="folder of the encoder, or manifest of its download"
    )
    parser.add_argument("--revision", nargs="?", help="commit of the download")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest to write, beside the folder `model`")
    parser.add_argument("--folds", required=True, type=Path, help="CSV file FOLDED to write")
    options = parser.parse_args()
    settings = parse_settings(ClassifierSettings, options.settings)
    paths = named_paths("--labelled", options.labelled)
    tables = {name: LABELLED.read(path) for name, path in paths.items()}
    sizes = {name: len(table) for name, table in tables.items()}
    sets = pd.concat([labelled_answers(name, table, paths[name]) for name, table in tables.items()], ignore_index=True)
    require_every_label(sets)
    rows = pd.concat([sets, written_answers()], ignore_index=True) if settings.written_examples else sets
    given = options.encoder
    folder = given if given.is_dir() else verified_download(given, options.revision)
    encoder = Encoder(folder)
    examples = read_by(encoder, list(rows["answer"]))
    FOLDED.write_csv(options.folds, pd.DataFrame(checked(rows, examples, sizes, settings)))
    seen = {
        "labelled": seen_sets(paths, rows, sizes),
        "written_examples": len(WRITTEN) if settings.written_examples else 0,
        "encoder": {
            "revision": options.revision,
            "files": {name: sha256(folder / name) for name in ENCODER_FILES if (folder / name).is_file()},
        },
        "settings": settings.model_dump(mode="json"),
    }
    write_classifier(options.manifest, encoder, taught(rows, examples, settings), seen)
    return options.manifest


if __name__ == "__main__":
    run(main)
