"""Min-K% probability of data sets under a base: how familiar their texts are to it before it is trained on them.

Input:  the manifest of a base, conversations tables, and if a module says what the base was trained on, that module.
Output: the table MIN_K (analysis/memorisation_schemas.py): a row for each text and K.

The method is Min-K% Prob of Shi et al. 2023 ("Detecting pretraining data from large language models", section 3), with
the sign of Beyond SFT's figure 5. Of a text with the token log-probabilities l_1 … l_n, let E be the K % of them that
are lowest (their number is rounded down, but is at least 1):

    Min-K% = - (sum of the l_i in E) / |E|          in nats; lower means more familiar

1. A text is a row as SFT would train on it, in the chat template of the base (training/rendered.py). The trace of a
   response is written in the format of the base.
2. The base reads the whole text (teacher forcing). Each token has its log-probability given all tokens before it.
3. By default the tokens are those of the response that the base would have to generate, the end token included, given
   the prompt. With `prompt` they are all tokens of the text up to the end token. The first one is left out then, since
   nothing stands before it, as in the authors' code. The first token of a response stands after its prompt.
4. A row that training would refuse has no value, and the reason is told.

Where it is known what a base was trained on, a module may say it. The configuration names it by its dotted path. It
offers

    def texts(settings: Mapping, inputs: Mapping[str, Path], seed: int, curve: Path) -> tuple[DataFrame, DataFrame]

It is given the settings, the inputs and the seed of the base's factory, and the training curve. It returns rows of
CONVERSATIONS that the base was trained on, and rows of the same origin that it was not trained on.

Values of bases with different tokenizers are not comparable: a token is another piece of text in each.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from safelrm.analysis.memorisation_schemas import MIN_K
from safelrm.analysis.memorisation_settings import LEFT_OUT, TRAINED_ON, KnownByModule, MinKSettings
from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import CONVERSATIONS
from safelrm.training.command import prepare_process

FIXED = ("dataset", "prompt_id", "kind", "category")


def min_k(log_probabilities: Sequence[float], k: int) -> float:
    """The negative mean of the lowest k % of the log-probabilities, at least of one: Min-K% Prob (Shi et al. 2023).

    Args:
        log_probabilities: of the tokens of a text, in nats; at least one.
        k: the percentage, from 1 to 100. 100 gives the mean negative log-likelihood of a token.
    """
    lowest = np.sort(np.asarray(log_probabilities, dtype=float))[: max(1, len(log_probabilities) * k // 100)]
    # adding 0 makes -0.0 the same as 0.0
    return float(-lowest.mean()) + 0.0


def sampled(conversations: pd.DataFrame, dataset: str, size: int | None) -> pd.DataFrame:
    """At most `size` rows of a data set, in their order. Which ones depends on the name of the data set alone."""
    if size is None or size >= len(conversations):
        return conversations
    return conversations.sample(size, random_state=derive_seed("min_k", dataset)).sort_index()


def told_apart(known: KnownByModule) -> dict[str, pd.DataFrame]:
    """Texts that a base was trained on and others, as its module tells them apart, at most `known.size` of each."""
    module = load_registered(known.module, "texts")
    inputs = {name: Path(path) for name, path in known.inputs.items()}
    sides = module.texts(known.settings, inputs, known.seed, Path(known.curve))
    return {name: sampled(rows, name, known.size) for name, rows in zip((TRAINED_ON, LEFT_OUT), sides, strict=True)}


def min_k_rows(
    conversations: Mapping[str, pd.DataFrame],
    members: Mapping[str, bool | None],
    folder: Path,
    settings: MinKSettings,
    model: str,
) -> pd.DataFrame:
    """Rows of MIN_K.

    Args:
        conversations: rows of CONVERSATIONS by data set.
        members: whether the base was trained on a data set; None or not named: that is not known.
        folder: the model folder of the base.
        settings: how Min-K% is taken.
        model: name of the base.

    Raises:
        SafeLRMError: the base cannot be loaded, or its chat template cannot be trained with.
    """
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.analysis.read_texts import read_texts  # noqa: PLC0415

    parts = [sampled(rows, name, settings.sample).assign(dataset=name) for name, rows in conversations.items()]
    texts = pd.concat(parts, ignore_index=True)
    found = [
        {
            **{name: getattr(row, name) for name in FIXED},
            "model": model,
            "member": members.get(row.dataset),
            "k": k,
            "main": k == settings.k,
            "tokens": len(read.log_probabilities),
            "value": min_k(read.log_probabilities, k) if read.log_probabilities else None,
            "refused": read.refusal,
        }
        for row, read in zip(texts.itertuples(), read_texts(texts, folder, settings), strict=True)
        for k in settings.percentages
    ]
    return pd.DataFrame(found, columns=MIN_K.schema.names)


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--model", required=True, help="name of the base")
    parser.add_argument("--checkpoint", required=True, type=Path, help="its manifest")
    parser.add_argument("--data", required=True, nargs="+", metavar="NAME=PATH", help="conversations tables")
    parser.add_argument(
        "--members",
        type=json.loads,
        default={},
        metavar="JSON",
        help="by data set, whether the base was trained on it; none: that is not known",
    )
    parser.add_argument(
        "--known", metavar="JSON", help="a module that says what the base was trained on, and what it reads"
    )
    parser.add_argument("--output", required=True, type=Path, help="the table MIN_K")
    return parser


def main() -> None:
    """Run the stage."""
    options = arguments().parse_args()
    prepare_process()
    settings = parse_settings(MinKSettings, options.settings)
    files = named_paths("--data", options.data)
    if unknown := sorted(set(options.members) - set(files)):
        raise SafeLRMError(f"{unknown} are not given", file="--members", fix="name data sets of --data")
    tables = {name: CONVERSATIONS.read(path) for name, path in files.items()}
    members = dict(options.members)
    if options.known:
        tables |= told_apart(parse_settings(KnownByModule, options.known))
        members |= {TRAINED_ON: True, LEFT_OUT: False}
    rows = min_k_rows(tables, members, verified_model(options.checkpoint), settings, options.model)
    MIN_K.write(options.output, rows)


if __name__ == "__main__":
    run(main)
