"""Curate a data set: load it through its source, check its schema and write it as Parquet.

    python -m safelrm curate --source safelrm.data.sources.table --settings JSON --file rows.csv --output out.parquet

A source is a module with `Settings` (a pydantic model), `TABLE` (the schema of its rows) and
`load(settings) -> pandas.DataFrame`. The settings of a source that reads a file have the key `path`.
"""

from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_download
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.registered import load_registered, module_fault


def curate(source: str, settings: str, file: str | None, manifest: Path | None, output: Path) -> None:
    """Load a data set through its source and write it.

    Args:
        source: dotted path of the source module.
        settings: its settings as JSON.
        file: the file to read, if the source reads one; it becomes the setting `path`.
        manifest: the manifest of the file, if the file was fetched from a hub; it is verified.
        output: the Parquet file to write.

    Raises:
        SafeLRMError: the settings or the data do not fit the source.
    """
    module = load_registered(source, "Settings", "TABLE", "load")
    chosen = parse_settings(module.Settings, settings)
    if manifest is not None:
        verified_download(manifest, chosen.revision)
    if file is not None:
        chosen = chosen.model_copy(update={"path": file})
    rows = module.load(chosen)
    if not isinstance(rows, pd.DataFrame):
        raise module_fault(source, f"gives {type(rows).__name__}, must give a DataFrame", key="load")
    module.TABLE.write(output, rows)


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--source", required=True, help="module of the source")
    parser.add_argument("--file", nargs="?", help="file that the source reads, if it reads one")
    parser.add_argument("--manifest", nargs="?", type=Path, help="manifest of that file, if it was fetched from a hub")
    parser.add_argument("--output", required=True, type=Path, help="Parquet file to write")
    arguments = parser.parse_args()
    curate(arguments.source, arguments.settings, arguments.file, arguments.manifest, arguments.output)


if __name__ == "__main__":
    run(main)
