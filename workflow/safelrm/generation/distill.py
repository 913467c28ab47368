"""Let a teacher answer training prompts, several times each.

Input:  prompts tables, and the manifest of the teacher if it is a checkpoint of the study.
Output: a table of distilled responses, one row for each prompt and sample, sorted by data set, prompt and sample.

A teacher is a checkpoint, a model behind an endpoint, or a module that writes (generation/teachers/). An instruction is
shown to the teacher alone: the table has the prompts without it. Each response has a seed of its own, which follows
from the names of its data set and its prompt. So other prompts change no response.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered
from safelrm.data.schemas import PROMPTS
from safelrm.generation.distill_settings import DistillJobSettings, Instruction
from safelrm.generation.requests import plan_requests
from safelrm.generation.schemas import DISTILLED
from safelrm.generation.teachers.teacher import ANSWERED, rollout_settings

ORDER = ["dataset", "prompt_id", "sample"]


def distil(
    prompts: Mapping[str, pd.DataFrame], settings: DistillJobSettings, checkpoint: Path | None = None
) -> pd.DataFrame:
    """Rows of DISTILLED without the name of the distillation.

    Args:
        prompts: rows of PROMPTS by data set.
        settings: the teacher, and how it is asked.
        checkpoint: the model folder of a teacher that is a checkpoint.

    Raises:
        SafeLRMError: two data sets share a prompt, a prompt has a system prompt, or the teacher cannot be asked.
    """
    require_prompts(prompts)
    shown = {name: instructed(table, settings.instruction) for name, table in prompts.items()}
    seed = settings.teacher.checkpoint.seed if settings.teacher.checkpoint else 0
    requests = plan_requests(shown, seed, rollout_settings(settings)).rename(columns={"benchmark": "dataset"})
    # what rendering calls a data set
    requests = requests.assign(benchmark=requests["dataset"])
    teacher = load_registered(settings.teacher.asked_by, "answered")
    rows = requests.assign(**teacher.answered(requests, settings, checkpoint)[[*ANSWERED]])
    plain = pd.concat(prompts.values(), ignore_index=True).set_index("prompt_id")["prompt"]
    rows = rows.assign(prompt=plain.loc[rows["prompt_id"]].tolist()).sort_values(ORDER, kind="stable")
    return rows[[name for name in DISTILLED.schema.names if name in rows]].reset_index(drop=True)


def instructed(prompts: pd.DataFrame, instruction: Instruction | None) -> pd.DataFrame:
    """Prompts as the teacher is shown them."""
    if instruction is None:
        return prompts
    if instruction.place == "system":
        return prompts.assign(system=instruction.text)
    before, after = (instruction.text, "") if instruction.place == "before" else ("", instruction.text)
    return prompts.assign(prompt=[f"{before}\n\n{prompt}\n\n{after}".strip() for prompt in prompts["prompt"]])


def require_prompts(prompts: Mapping[str, pd.DataFrame]) -> None:
    """Make sure that students can be trained on the answers to some prompts.

    Raises:
        SafeLRMError: two data sets share a prompt, or a prompt has a system prompt, which SFT data do not have.
    """
    asked = pd.concat(prompts.values(), ignore_index=True)
    if (twice := asked["prompt_id"][asked["prompt_id"].duplicated()]).any():
        problem = f"prompt_id {twice.iloc[0]} is in two of {[*prompts]}"
        raise SafeLRMError(problem, key="prompts", fix="name data sets without common prompts")
    if (system := asked["system"].notna()).any():
        problem = f"prompt_id {asked['prompt_id'][system].iloc[0]} has a system prompt, and SFT data have none"
        raise SafeLRMError(problem, key="prompts", fix="leave the column `system` of this data set out")


def said_of(rows: pd.DataFrame) -> str:
    """How many responses there are, by data set, and how they ended."""
    ends = rows["finish_reason"].value_counts().sort_index().to_dict()
    states = rows["parse_state"].value_counts().sort_index().to_dict()
    sets = ", ".join(f"{name} {len(of)}" for name, of in rows.groupby("dataset"))
    return f"{len(rows)} responses to {rows['prompt_id'].nunique()} prompts ({sets}); ends {ends}; traces {states}"


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the distillation")
    parser.add_argument("--checkpoint", nargs="?", type=Path, help="manifest of a teacher that is a checkpoint")
    parser.add_argument("--prompts", required=True, nargs="+", metavar="NAME=PATH", help="the prompts tables")
    parser.add_argument("--output", required=True, type=Path, help="the table of distilled responses")
    options = parser.parse_args()
    settings = parse_settings(DistillJobSettings, options.settings)
    prompts = {name: PROMPTS.read(path) for name, path in named_paths("--prompts", options.prompts).items()}
    checkpoint = verified_model(options.checkpoint) if options.checkpoint else None
    rows = distil(prompts, settings, checkpoint)
    print(said_of(rows), flush=True)
    DISTILLED.write(options.output, rows.assign(distillation=options.name))


if __name__ == "__main__":
    run(main)
