"""The checkpoint of a classifier of refusals: its encoder, its weights as safetensors, and what they were made from."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from shutil import copyfile

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from safelrm.core.checkpoints import CLASSIFIER_FILES, model_folder
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, sha256, write_json
from safelrm.data.schemas import LABELS
from safelrm.judging.refusals.encoder import Encoder
from safelrm.judging.refusals.model import FEATURES, Examples, Weights, examples_of, probabilities
from safelrm.judging.refusals.sentences import WORDING, read

WEIGHTS = "classifier.safetensors"
ENCODER_FILES = tuple(name for name in CLASSIFIER_FILES if name != WEIGHTS)
# answers whose vectors are in memory together
AT_A_TIME = 2000


def write_classifier(manifest: Path, encoder: Encoder, weights: Weights, seen: Mapping[str, object]) -> None:
    """Write the folder `model` beside `manifest`, then the manifest.

    Args:
        manifest: the file to write last. It lists the files with their SHA-256, and holds `seen`.
        encoder: the encoder.
        weights: the weights that read its vectors.
        seen: what the classifier was made from.
    """
    with atomic_path(model_folder(manifest)) as folder, tempfile.TemporaryDirectory() as beside:
        folder.mkdir()
        encoder.save(Path(beside))
        for name in ENCODER_FILES:
            copyfile(Path(beside) / name, folder / name)
        save_file({name: np.ascontiguousarray(values) for name, values in asdict(weights).items()}, folder / WEIGHTS)
    files = {name: sha256(model_folder(manifest) / name) for name in CLASSIFIER_FILES}
    write_json(manifest, {"files": files, **seen})


class Classifier:
    """The classifier in a checkpoint's folder `model`.

    Raises:
        SafeLRMError: the folder holds no classifier of refusals, or one of another version of this code.
    """

    def __init__(self, folder: Path) -> None:
        self._weights = _weights_in(folder)
        self._encoder = Encoder(folder)
        if len(self._weights.sentence) != self._encoder.width + WORDING + 1:
            raise _fault(folder, "the weights are those of another encoder")

    def probabilities(self, answers: Sequence[str]) -> np.ndarray:
        """Probabilities (answer, label) of LABELS."""
        parts = [answers[start : start + AT_A_TIME] for start in range(0, len(answers), AT_A_TIME)]
        found = [probabilities(read_by(self._encoder, part), self._weights) for part in parts]
        return np.concatenate([np.zeros((0, len(LABELS))), *found])


def read_by(encoder: Encoder, answers: Sequence[str]) -> Examples:
    """Answers with the vectors that an encoder gives their sentences; each sentence is encoded once.

    Raises:
        SafeLRMError: a vector holds NaN or infinity.
    """
    sentences = sorted({sentence for answer in answers for sentence in read(answer).sentences})
    vectors = encoder.vectors(sentences)
    if not np.isfinite(vectors).all():
        raise SafeLRMError("the encoder gives NaN", key="encoder", fix="take another encoder: its weights are damaged")
    return examples_of(answers, dict(zip(sentences, vectors, strict=True)), encoder.width)


def _weights_in(folder: Path) -> Weights:
    try:
        tensors = load_file(folder / WEIGHTS)
        weights = Weights(**{field.name: tensors[field.name] for field in fields(Weights)})
    except (OSError, KeyError, SafetensorError) as error:
        raise _fault(folder, f"holds no classifier of refusals ({error})") from error
    shapes = (weights.answer.shape, weights.verdict.shape)
    if not all(np.isfinite(part).all() for part in tensors.values()):
        raise _fault(folder, "holds weights that are not finite: they would call every answer a compliance")
    if weights.sentence.ndim != 1 or shapes != ((3 * len(weights.sentence) - 2,), (len(FEATURES) + 1, len(LABELS))):
        raise _fault(folder, "holds a classifier of another version")
    return weights


def _fault(folder: Path, problem: str) -> SafeLRMError:
    return SafeLRMError(problem, file=folder, fix="name one of `classifiers` in the judge's entry (key `classifier`)")
