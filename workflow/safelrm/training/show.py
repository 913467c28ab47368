"""Show what training will see: the first rows of a data set as SFT renders them for a model, with the loss mask.

    python -m safelrm show --data star1 --model nano_a
    python -m safelrm show --data data/star1.parquet --model models/Qwen3-0.6B --rows 1 --max-length 2048
    python -m safelrm show --data star1 --model nano_b --template '{"enable_thinking": false}' --without-trace

A data set is a file, or the name of one that `curate` or `select` has written. Candidates are shown as rejection
sampling takes them: the best completion of each prompt. A model is its folder, or the name of one of a study, whose
base is shown. Its weights are not read. The trainer itself renders the rows (training/rendered.py), all of them. So the
command also says how long they are, and which of them training would refuse.

Tokens without loss, with loss and the end token stand on lines of their own. A terminal shows them in colours, unless
the environment variable NO_COLOR is set.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import CONVERSATIONS
from safelrm.training.best_of import best_of
from safelrm.training.command import prepare_process
from safelrm.training.schemas import CANDIDATES
from safelrm.training.settings import TemplateArguments

if TYPE_CHECKING:
    from safelrm.training.rendered import RenderedRow

# the refused rows that are listed
LISTED = 10


def data_of(name: str) -> pd.DataFrame:
    """The conversations of a file or of a data set of that name.

    Raises:
        SafeLRMError: there is no such file, or it holds neither conversations nor candidates.
    """
    places = [Path(name), Path("data", f"{name}.parquet"), Path("data/selected", f"{name}.parquet")]
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        fix = "name a Parquet file of conversations, or a data set that `curate` or `select` has written to data/"
        raise SafeLRMError(f"there is none of {', '.join(map(str, places))}", file="--data", fix=fix)
    try:
        is_sampled = "reward" in pq.read_schema(path).names
    except (OSError, ValueError) as error:
        fix = "name a Parquet file of conversations"
        raise SafeLRMError(f"not a readable Parquet file ({error})", file=path, fix=fix) from error
    return best_of(CANDIDATES.read(path), None) if is_sampled else CONVERSATIONS.read(path)


def model_of(name: str) -> Path:
    """The model folder at a path, of a checkpoint at a path, or of the base of a study's model of that name.

    Raises:
        SafeLRMError: there is none.
    """
    given = Path(name).parent if Path(name).is_file() else Path(name)
    for folder in (given, given / "model", Path("checkpoints", name, "base/seed0/model")):
        if (folder / "config.json").is_file():
            return folder
    fix = "name a model's folder, its manifest, or a model whose base is in checkpoints/"
    raise SafeLRMError(f"there is no model {name}", file="--model", fix=fix)


def summary(rows: Sequence["RenderedRow"], limit: int) -> list[str]:
    """How many rows training would take and how long these are, and which ones it would refuse."""
    taken, refused = [row for row in rows if row.refusal is None], [row for row in rows if row.refusal is not None]
    lines = [f"{len(rows)} rows: training takes {len(taken)} and would refuse {len(refused)}"]
    if taken:
        longest = max(taken, key=lambda row: len(row.ids))
        tokens, learned = sum(len(row.ids) for row in taken), sum(row.learned for row in taken)
        lines.append(f"{tokens} tokens, {learned} of them with loss")
        lines.append(f"the longest row is {longest.prompt_id}: {len(longest.ids)} tokens of at most {limit}")
    lines += [f"refused: {row.prompt_id}: {row.refusal}" for row in refused[:LISTED]]
    if len(refused) > LISTED:
        lines.append(f"refused: {len(refused) - LISTED} more")
    return lines


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = command_parser(__doc__)
    parser.add_argument("--data", required=True, help="a table of conversations or candidates, or its name")
    parser.add_argument("--model", required=True, help="the folder of a model, or its name")
    parser.add_argument("--rows", type=int, default=3, help="rows to show (default: 3)")
    parser.add_argument("--max-length", type=int, help="the recipe's `max_length` (default: the context of the model)")
    arguments_of = TypeAdapter(TemplateArguments).validate_json
    parser.add_argument("--template", type=arguments_of, metavar="JSON", help="arguments of the chat template")
    parser.add_argument("--without-trace", action="store_true", help="the mode asks for no trace")
    return parser


def main() -> None:
    """Run the command."""
    options = arguments().parse_args()
    conversations, folder = data_of(options.data), model_of(options.model)
    prepare_process()
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.training.marked import escaped, marked_lines  # noqa: PLC0415
    from safelrm.training.rendered import as_recipe, rendered_rows, weightless_policy  # noqa: PLC0415

    policy = weightless_policy(folder)
    limit = min(options.max_length or policy.context, policy.context)
    has_mode = options.template is not None or options.without_trace
    templates = {"shown": options.template or {}} if has_mode else {}
    recipe = as_recipe(limit, ["shown"] if options.without_trace else None)
    rows = rendered_rows(conversations, policy, recipe, templates)
    # a console may not be able to write every character
    sys.stdout.reconfigure(errors="backslashreplace")
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for row in rows[: max(0, options.rows)]:
        print(f"{escaped(row.prompt_id)}: {len(row.ids)} tokens, {row.learned} with loss")
        for line in marked_lines(row.ids, row.labels, policy.tokenizer, policy.stop_ids, coloured=coloured):
            print(line)
        if row.refusal is not None:
            print(f"refused: {escaped(row.refusal)}")
        print()
    print("\n".join(map(escaped, summary(rows, limit))))


if __name__ == "__main__":
    run(main)
