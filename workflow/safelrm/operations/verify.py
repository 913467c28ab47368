"""Check a checkout's pins and published results.

    snakemake --cores 1 verify
    snakemake --cores 1 verify_all      every published study, not only the configured one

Every pinned folder that is here must hold the bytes of its pin. The workflow's own rules make every published table
and SVG figure again, from the published samples, verdicts and trace analyses, in a temporary folder. Each must have the
same bytes. A table or figure that is made from texts or training curves is left out, and named. Nothing is fetched,
trained or generated.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.dag.command import config_of, configured_parser, plan_of
from safelrm.dag.entropies import ENTROPY_TABLES
from safelrm.operations.checked_pins import check_pins
from safelrm.operations.pinned import PUBLISHED, RECORD, published_studies

# what the rules make all else from
GIVEN = ("samples.parquet", "verdicts")
# what they also make it from, where the study has it
ALSO_GIVEN = ("analyses", "min_k", "trajectory", *ENTROPY_TABLES)
# PDF and PNG files differ between builds of the drawing libraries
COMPARED = (".csv", ".md", ".tex", ".svg")


def check_published(
    published: Path, checkout: Path, config: Mapping[str, object], rules: Sequence[str], left_out: Collection[str]
) -> None:
    """Make the published tables and figures again, and compare their bytes.

    Args:
        published: the folder of the study's published results; its name is the study's.
        checkout: the folder of the Snakefile.
        config: the configuration of the study.
        rules: the rules that make results from samples and verdicts.
        left_out: the tables and figures that need more than what is published.

    Raises:
        SafeLRMError: something is not published, cannot be made, or differs.
    """
    stems = {Path(name).relative_to("results", published.name).with_suffix("") for name in left_out}
    found = sorted(path for path in published.rglob("*") if path.suffix in COMPARED and _is_of(path, published))
    files = [path for path in found if path.relative_to(published).with_suffix("") not in stems]
    for path in set(found) - set(files):
        print(f"{path}: made from more than what is published, left out", flush=True)
    missing = [name for name in GIVEN if not (published / name).exists()]
    if missing or not files:
        raise SafeLRMError(
            f"lacks {missing or 'tables'}", file=published, fix="publish a finished study: snakemake --cores 1 pin"
        )
    with tempfile.TemporaryDirectory() as temporary:
        results = Path(temporary, "results", published.name)
        for name in (*GIVEN, *(name for name in ALSO_GIVEN if (published / name).exists())):
            _copy(published / name, results / name)
        names = [path.relative_to(published) for path in files]
        _rebuild(Path(temporary), checkout, config, rules, [Path("results", published.name, name) for name in names])
        differing = [name for name in names if (results / name).read_bytes() != (published / name).read_bytes()]
    if differing:
        raise SafeLRMError(
            f"{', '.join(map(str, differing))} cannot be made again from the published verdicts",
            file=published,
            fix="the code, the configuration or a file was changed since: run the study and publish it anew",
        )
    print(f"{published}: {len(names)} tables and figures made again, byte for byte", flush=True)


def _is_of(path: Path, published: Path) -> bool:
    """Whether a file is made from samples and verdicts. The audit, curation and the validation need data as well."""
    return path.relative_to(published).parts[0] not in ("audit", "curation", "validation", *GIVEN, *ALSO_GIVEN)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def _rebuild(
    folder: Path, checkout: Path, config: Mapping[str, object], rules: Sequence[str], targets: Sequence[Path]
) -> None:
    # unsorted: tables show the first decoding mode of a model
    write_text(folder / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(checkout / "Snakefile")]
    command += ["--directory", str(folder), "--cores", "all", "--rerun-triggers", "mtime"]
    command += ["--allowed-rules", *rules, "--configfile", "config.yaml"]
    done = subprocess.run([*command, "--", *map(str, targets)], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SafeLRMError(
            f"the published results cannot be made again:\n{done.stdout[-2000:]}{done.stderr[-4000:]}",
            file=checkout,
            fix="see the message of the stage above",
        )


def verify_all(checkout: Path, rules: Sequence[str]) -> None:
    """Verify every published study that has a record, each in a process of its own.

    Raises:
        SafeLRMError: there is none, or one is at fault.
    """
    studies = published_studies()
    for folder in sorted({path.name for path in PUBLISHED.iterdir() if path.is_dir()} - studies.keys()):
        print(f"{PUBLISHED / folder}: has no {RECORD}, left out", flush=True)
    faults = []
    for name, study in studies.items():
        print(f"{name}:", flush=True)
        command = [sys.executable, "-m", "safelrm.operations.verify", "--checkout", str(checkout)]
        command += ["--rules", *rules, "--configfiles", *study.configfiles, "--config", *study.config]
        if subprocess.run(command, check=False).returncode:
            faults.append(name)
    if faults or not studies:
        raise SafeLRMError(
            f"of {len(studies)} pinned studies, {len(faults)} cannot be verified: {', '.join(faults)}",
            file=PUBLISHED,
            fix="see the messages above; run and pin each of them anew",
        )


def main() -> None:
    """Run the command."""
    parser = configured_parser(__doc__)
    parser.add_argument("--checkout", required=True, type=Path, help="folder of the Snakefile")
    parser.add_argument("--rules", required=True, nargs="+", help="the rules that make results from verdicts")
    parser.add_argument("--all", action="store_true", help="every published study, each with its own configuration")
    options = parser.parse_args()
    if options.all:
        verify_all(options.checkout, options.rules)
        return
    config, plan = config_of(options), plan_of(options)
    check_pins(plan.study.name)
    published = PUBLISHED / plan.study.name
    check_published(published, options.checkout, config, options.rules, plan.not_remade())


if __name__ == "__main__":
    run(main)
