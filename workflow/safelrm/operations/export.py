"""Export the rollouts and verdicts of a study as a data set in the format of Hugging Face's hub. Nothing is uploaded.

    python -m safelrm export                                      results/<study>/export
    python -m safelrm export --output ../upload --license cc-by-4.0
    python -m safelrm export --harmful-texts                      with the texts of harmful prompts

The folder holds `rollouts.parquet`, `verdicts.parquet` and a card (`README.md`). `datasets.load_dataset(folder, name)`
reads both, `rollouts` and `verdicts`, offline. Rows of harmful prompts have no texts, unless `--harmful-texts` asks for
them. The rollouts must be here. Verdicts are those of the results, or else the published ones. The same tables, options
and commit give the same bytes.
"""

import argparse
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from huggingface_hub import metadata_load

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, sha256
from safelrm.dag.command import configuration, configured_parser, given_config, plan_of
from safelrm.dag.paths import rollouts_file
from safelrm.dag.settings import Study
from safelrm.dag.stages.judging import verdict_files
from safelrm.data.data_cards import UNSTATED
from safelrm.data.schemas import HARMFUL
from safelrm.generation.schemas import NOT_PUBLISHED, ROLLOUT_KEY, ROLLOUTS, SAMPLES
from safelrm.judging.coverage import gap
from safelrm.judging.schemas import UNSCORED, VERDICTS
from safelrm.operations.export_card import CARD, FILES, ROLLOUT_FILE, VERDICT_FILE, Exported, card, title
from safelrm.operations.machine import commit
from safelrm.operations.pinned import PUBLISHED
from safelrm.operations.record import without_secrets

# what prompts and models say
TEXTS = tuple(name for name in NOT_PUBLISHED if pa.types.is_string(ROLLOUTS.schema.field(name).type))
# rollouts whose texts may be left out
EXPORTED = pa.schema(field.with_nullable(field.nullable or field.name in TEXTS) for field in ROLLOUTS.schema)
# a path of a machine, or the address of a server, in a setting
PLACE = re.compile(r"(?:^|[\s:=,;])[/~\\]")


def export(
    study: Study,
    folder: Path,
    *,
    commands: Sequence[str],
    harmful_texts: bool = False,
    license_id: str = UNSTATED,
) -> Exported:
    """Write the rollouts and verdicts of a study, and their card, into a folder, completely or not at all.

    Args:
        study: the study. Its files lie in the working folder.
        folder: the folder; one that holds an earlier export of the study and nothing else is replaced.
        commands: the command lines that make the folder, for the card.
        harmful_texts: whether the rows of harmful prompts keep their texts.
        license_id: the license, as the hub names it.

    Raises:
        SafeLRMError: the folder holds something else; rollouts or verdicts are not here, are damaged, or do not fit
            each other or the study.
    """
    require_replaceable(folder, title(study))
    runs, judged = rollout_paths(study), verdict_paths(study)
    with atomic_path(folder) as made:
        made.mkdir()
        samples = _write_rollouts(made / ROLLOUT_FILE, runs, study, harmful_texts)
        counts = _write_verdicts(made / VERDICT_FILE, judged, samples)
        digests = {name: sha256(made / name) for name in FILES}
        exported = Exported(samples, counts, harmful_texts, digests)
        text = card(study, exported, license_id, commit(Path(__file__).parent), commands)
        (made / CARD).write_text(text, encoding="utf-8")
    return exported


def require_replaceable(folder: Path, named: str) -> None:
    """Make sure that a folder is not there, is empty, or holds an earlier export of this name and nothing else.

    Raises:
        SafeLRMError: it holds something else, or is a file.
    """
    if not folder.exists():
        return
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    if found - {CARD, *FILES} or (found and _title_of(folder / CARD) != named):
        raise SafeLRMError(
            "holds something else than an earlier export of this study",
            file=folder,
            key="--output",
            fix="name a folder that is new or empty, or remove this one",
        )


def _title_of(path: Path) -> object:
    """The title that a card has; None if there is no such card."""
    try:
        return (metadata_load(path) or {}).get("pretty_name")
    except (OSError, ValueError, yaml.YAMLError):
        return None


def rollout_paths(study: Study) -> list[Path]:
    """The rollouts of every run, in the order of their keys.

    Raises:
        SafeLRMError: the study has no arms, or a file is not here.
    """
    paths = [Path(rollouts_file(*named)) for named in sorted(study.runs())]
    if not paths:
        raise SafeLRMError("the study has no arms, so it has no rollouts", key="arms", fix="add arms")
    if missing := [path for path in paths if not path.is_file()]:
        fix = f"snakemake --cores all makes them; python -m safelrm pull {study.name} fetches those of a pinned study"
        raise SafeLRMError(f"{len(missing)} of {len(paths)} tables of rollouts are not here", file=missing[0], fix=fix)
    return paths


def verdict_paths(study: Study) -> dict[str, list[Path]]:
    """The verdicts of all judges on each model, in the order of their names: results, or else published ones.

    Raises:
        SafeLRMError: the study has no judges, or a file is not here.
    """
    named = [Path(path) for path in sorted(verdict_files(study, study.judges))]
    if not named:
        raise SafeLRMError("the study has no judges, so it has no verdicts", key="judges", fix="add judges")
    paths = named if any(path.is_file() for path in named) else [PUBLISHED / _below(path) for path in named]
    if missing := [live for live, path in zip(named, paths, strict=True) if not path.is_file()]:
        wanted = shlex.join(map(str, missing))
        problem = f"{len(missing)} of {len(named)} tables of verdicts are not here"
        raise SafeLRMError(problem, file=missing[0], fix=f"snakemake --cores all -- {wanted}")
    return {model: [path for path in paths if path.stem == model] for model in sorted({path.stem for path in paths})}


def _below(path: Path) -> Path:
    return path.relative_to(PUBLISHED.parent)


def _write_rollouts(path: Path, files: Iterable[Path], study: Study, harmful_texts: bool) -> pd.DataFrame:
    """Write the rollouts of all runs, and return their rows without texts (schema: SAMPLES)."""
    known = {entry.name for entry in study.benchmarks}
    samples = []

    # the texts of all runs may not fit into memory
    def tables() -> Iterator[pd.DataFrame]:
        for file in files:
            rows = ROLLOUTS.read(file).sort_values(list(ROLLOUT_KEY), ignore_index=True)
            if (found := set(rows["benchmark"])) != known:
                problem = f"answers {sorted(found)}, the study has {sorted(known)}"
                raise SafeLRMError(problem, file=file, key="benchmark", fix="snakemake --cores all makes it anew")
            samples.append(rows[SAMPLES.schema.names])
            yield rows if harmful_texts else without_harmful_texts(rows)

    _write(path, EXPORTED, tables())
    return pd.concat(samples, ignore_index=True)


def without_harmful_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Rollouts without what harmful prompts ask and what models said to them."""
    harmless = rows["kind"] != HARMFUL
    return rows.assign(**{name: rows[name].where(harmless, None) for name in TEXTS})


def _write_verdicts(path: Path, judged: dict[str, list[Path]], samples: pd.DataFrame) -> pd.DataFrame:
    """Write the verdicts on all models, and return how many each judge gave.

    Returns:
        Rows with `judge`, `field`, `part`, `n` and `unscored`.
    """
    counts = []

    def tables() -> Iterator[pd.DataFrame]:
        for model, files in judged.items():
            rows = _verdicts(files, samples[samples["model"] == model])
            missed = rows.assign(unscored=rows["verdict"] == UNSCORED).groupby(["judge", "field", "part"])["unscored"]
            counts.append(missed.agg(n="size", unscored="sum"))
            yield rows.sort_values(list(VERDICTS.key), ignore_index=True)

    _write(path, VERDICTS.schema, tables())
    return pd.concat(counts).groupby(level=["judge", "field", "part"]).sum().reset_index()


def _verdicts(files: Iterable[Path], samples: pd.DataFrame) -> pd.DataFrame:
    """The verdicts of all judges on a model."""
    tables = {path: VERDICTS.read(path) for path in files}
    for path, table in tables.items():
        if fault := gap(table, samples):
            fix = "snakemake --cores all makes verdicts on the rollouts that are here"
            raise SafeLRMError(f"{fault}; the rollouts are those in rollouts/", file=path, key="prompt_id", fix=fix)
    return pd.concat(tables.values(), ignore_index=True)


def _write(path: Path, schema: pa.Schema, tables: Iterable[pd.DataFrame]) -> None:
    """Write tables one after the other into one Parquet file."""
    options = {"compression": "zstd", "store_schema": False, "write_page_checksum": True}
    with pq.ParquetWriter(path, schema, **options) as writer:
        for rows in tables:
            writer.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False))


def command_lines(options: argparse.Namespace) -> list[str]:
    """The commands that make the study and its export, without paths of this machine, addresses and secrets."""
    files = [_shown_file(path) for path in options.configfiles]
    given = given_config(_shown(configuration(options.config)))
    config = ["--config", *given] if given else []
    chosen = ["--harmful-texts"] if options.harmful_texts else []
    chosen += [] if options.license == UNSTATED else ["--license", options.license]
    return [
        shlex.join(["snakemake", "--cores", "all", "--configfile", *files, *config]),
        shlex.join(["python", "-m", "safelrm", "export", "--configfiles", *files, *config, *chosen]),
    ]


def _shown_file(path: str) -> str:
    """A configuration file as a path from the working folder, or its name if it lies elsewhere."""
    whole = Path.cwd() / path
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else whole.name


def _shown(value: object) -> object:
    """A value of the configuration that may be shown."""
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in without_secrets(value).items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return "(left out)" if isinstance(value, str) and PLACE.search(value) else value


def main() -> None:
    """Run the command."""
    parser = configured_parser(__doc__)
    parser.add_argument("--output", type=Path, help="the folder to write; results/<study>/export")
    parser.add_argument("--harmful-texts", action="store_true", help="keep the texts of harmful prompts and answers")
    parser.add_argument("--license", default=UNSTATED, help=f"license of the data set, as the hub names it; {UNSTATED}")
    options = parser.parse_args()
    study = plan_of(options).study
    folder = options.output or Path("results", study.name, "export")
    exported = export(
        study,
        folder,
        commands=command_lines(options),
        harmful_texts=options.harmful_texts,
        license_id=options.license,
    )
    print(f"{folder}: {len(exported.samples)} rollouts, {exported.verdicts['n'].sum()} verdicts")


if __name__ == "__main__":
    run(main)
