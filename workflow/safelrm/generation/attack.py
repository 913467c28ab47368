"""Attacks: modules that word the prompts of a benchmark anew.

A benchmark names an attack by its dotted path. The module offers

    class Settings(Strict)
    def attack(prompts: pandas.DataFrame, settings: Settings, seed: int) -> pandas.DataFrame

`prompts` are rows of the table PROMPTS. `attack` returns the same rows with another `prompt`, and with another
`system` if it likes. Every run asks its model the same wording: `seed` depends on the study's seed and the benchmark
only. The attack runs in each job of `rollouts`, so it should be quick.
"""

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import PROMPTS
from safelrm.generation.selected import load_selected
from safelrm.generation.settings import SelectedModule

# the columns that an attack may change
CHANGED = ("prompt", "system")


def attacked(prompts: pd.DataFrame, chosen: SelectedModule, seed: int) -> pd.DataFrame:
    """The prompts in the wording of an attack, in their order, with the columns `behavior` and `attack`.

    Args:
        prompts: rows of PROMPTS.
        chosen: the attack.
        seed: seed of what the attack draws.

    Raises:
        SafeLRMError: the attack returns anything but the same rows in other words. The message names its module.
    """
    module, settings = load_selected(chosen, "an attack", "attack")
    given = prompts.assign(**dict.fromkeys(set(PROMPTS.optional) - set(prompts.columns)))
    found = module.attack(given.copy(), settings, seed)
    if fault := _fault(found, given):
        raise SafeLRMError(
            fault, file=chosen.module, key="attack", fix="return the rows of `prompts` with another `prompt` in each"
        )
    worded = found.set_index("prompt_id").loc[given["prompt_id"]]
    return given.assign(
        **{name: worded[name].tolist() for name in CHANGED},
        behavior=given["behavior"].where(given["behavior"].notna(), given["prompt"]),
        attack=chosen.module.rpartition(".")[2],
    )


def _fault(found: object, given: pd.DataFrame) -> str | None:
    """What is wrong with the rows that an attack has returned, if anything is."""
    if not isinstance(found, pd.DataFrame):
        return f"returns {type(found).__name__}, must return a table"
    if set(found.columns) != set(given.columns):
        lost, new = sorted(set(given.columns) - set(found.columns)), sorted(set(found.columns) - set(given.columns))
        return f"returns rows without the columns {lost} and with unknown columns {new}"
    if found["prompt_id"].duplicated().any():
        return f"returns several rows of prompt {found.loc[found['prompt_id'].duplicated(), 'prompt_id'].iloc[0]}"
    if set(found["prompt_id"]) != set(given["prompt_id"]):
        odd = sorted(map(str, set(found["prompt_id"]) ^ set(given["prompt_id"])))
        return f"returns other prompts than it was given: {len(odd)} are lost or new, for example {odd[0]}"
    for row in found.itertuples():
        if not isinstance(row.prompt, str) or not row.prompt.strip():
            return f"returns no text for prompt {row.prompt_id}"
        if not (isinstance(row.system, str) or pd.isna(row.system)):
            return f"returns a system prompt that is no text for prompt {row.prompt_id}"
    ordered = found.set_index("prompt_id").loc[given["prompt_id"]].reset_index()
    kept = [name for name in given.columns if name not in CHANGED]
    changed = [name for name in kept if _values(ordered[name]) != _values(given[name])]
    return f"changes the columns {changed}" if changed else None


def _values(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column]
