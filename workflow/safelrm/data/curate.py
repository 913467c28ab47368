"""Curate a data set: load it through its source, check its schema, write it as Parquet.

    python -m safelrm curate --source safelrm.data.sources.star1 --settings JSON --file star1.json --output s.parquet

A source is a module with `Settings` (pydantic), `TABLE` (the schema of what it gives) and
`load(settings) -> pandas.DataFrame`. A source that reads a file has `path` in its settings.
"""

import importlib
from pathlib import Path

from safelrm.core.checkpoints import verified_download
from safelrm.core.cli import parse_settings, run, stage_parser


def curate(source: str, settings: str, file: str | None, manifest: Path | None, output: Path) -> None:
    """Load a data set through its source and write it.

    Args:
        source: dotted path of the source module.
        settings: its settings as JSON.
        file: the file to read, which becomes the setting `path`.
        manifest: the manifest of that file, if it was fetched from a hub.
        output: the Parquet file to write.

    Raises:
        SafeLRMError: the settings or the data are at fault.
    """
    module = importlib.import_module(source)
    chosen = parse_settings(module.Settings, settings)
    if manifest is not None:
        verified_download(manifest, chosen.revision)
    if file is not None:
        chosen = chosen.model_copy(update={"path": file})
    module.TABLE.write(output, module.load(chosen))


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--source", required=True, help="module of the source")
    parser.add_argument("--file", nargs="?", help="file that the source reads, if it reads one")
    parser.add_argument("--manifest", nargs="?", type=Path, help="manifest of that file, if it was fetched from a hub")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    curate(arguments.source, arguments.settings, arguments.file, arguments.manifest, arguments.output)


if __name__ == "__main__":
    run(main)
