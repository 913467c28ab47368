"""A teacher that is a module which writes responses, such as the generator of the nano world (safelrm.nano.writer).

Such a module offers

    class Settings(Strict)
    def write(prompts: pandas.DataFrame, sample: int, seed: int, settings: Settings) -> list[str]

`prompts` are rows of PROMPTS, with the prompt as the teacher is shown it. `write` gives the response to each of them,
in order: "<think> … </think> answer", or an answer alone. It is called once for each data set and sample. The same
arguments give the same responses. A response depends on its own prompt, the sample and the seed, and on no other row.
"""

import traceback
from pathlib import Path
from types import ModuleType

import pandas as pd
from pydantic import BaseModel

from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import module_fault
from safelrm.data.schemas import PROMPTS
from safelrm.generation.distill_settings import DistillJobSettings
from safelrm.generation.selected import load_selected
from safelrm.generation.settings import SelectedModule
from safelrm.generation.teachers.teacher import read_texts
from safelrm.inference.schemas import STOP


def answered(requests: pd.DataFrame, settings: DistillJobSettings, checkpoint: Path | None) -> pd.DataFrame:
    """What a module writes. No checkpoint is asked.

    Raises:
        SafeLRMError: the module cannot be loaded, fails, or gives something else than a text for each prompt.
    """
    chosen = SelectedModule(module=settings.teacher.module or "", settings=settings.teacher.settings)
    module, its_settings = load_selected(chosen, "a module that writes", "write")
    written = pd.Series("", index=requests.index, dtype=object)
    for (_, sample), asked in requests.groupby(["dataset", "sample"], sort=False):
        written[asked.index] = _written(module, asked, int(sample), settings.seed, its_settings)
    return read_texts((text, STOP) for text in written)


def _written(module: ModuleType, asked: pd.DataFrame, sample: int, seed: int, settings: BaseModel) -> list[str]:
    prompts = asked.reindex(columns=PROMPTS.schema.names).reset_index(drop=True)
    try:
        texts = module.write(prompts, sample, seed, settings)
    except SafeLRMError as error:
        error.file = error.file or module.__name__
        raise
    except Exception as error:
        traceback.print_exc()
        raise module_fault(module.__name__, f"`write` stopped with {type(error).__name__}: {error}") from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise module_fault(module.__name__, "`write` returns no list of texts", key="write")
    if len(texts) != len(prompts):
        raise module_fault(module.__name__, f"`write` returns {len(texts)} texts for {len(prompts)} prompts")
    return texts
