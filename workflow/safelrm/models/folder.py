"""Model factory: a checkpoint from a folder of the user, in Hugging Face's format.

The folder is read and never written. Its files become a checkpoint as those of a hub do (models/hub.py).
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from safelrm.models.files import check_folder
from safelrm.models.hub import SavedModel, checkpoint_of
from safelrm.models.settings import FolderSettings as Settings

__all__ = ["INPUTS", "Settings", "make"]

INPUTS = ("folder",)


def make(settings: Settings, inputs: Mapping[str, Path], seed: int, work: Path) -> tuple[SavedModel, pd.DataFrame]:
    """The model in the folder `inputs["folder"]`, and an empty training curve.

    Raises:
        SafeLRMError: a part of the model is missing or damaged, or it is no causal language model that transformers
            knows, with a chat template that can be used.
    """
    check_folder(inputs["folder"])
    return checkpoint_of(inputs["folder"], settings)
