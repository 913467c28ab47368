"""Fetch a model or a data set from the hub. The only stage with network access: run it on a login node.

    snakemake --cores 1 fetch_all        (all that a study needs)

Input:  settings: what to fetch, at which commit.
Output: a manifest with the SHA-256 of each file, written last, and the files beside it. Of a model these are the
        safetensors weights, the configuration and the tokenizer; of a data set one file of JSON lines.

What an earlier, killed run has fetched of a model is kept and used.
"""

import json
import os
import tempfile
from pathlib import Path

from safelrm.core.checkpoints import write_download
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.models.online import CONFIGFILES, download, go_online, hub, reaching
from safelrm.models.settings import FetchDatasetSettings, FetchModelSettings

ROWS = "rows.jsonl"


def fetch_model(wanted: FetchModelSettings, manifest: Path, file: str, key: str) -> None:
    """Fetch a model into the folder of `manifest`.

    Raises:
        SafeLRMError: no revision is given, the hub cannot be reached, the repository has no safetensors weights, or
            what was received is not what the hub lists. Then there is no manifest.
    """
    with reaching(wanted.repo, file=file, key=key):
        # asked first, since it is not asked again and again where there is no network
        hub().model_info(wanted.repo, revision=wanted.revision)
        names = download(wanted.repo, wanted.revision, manifest.parent)
    write_download(manifest, {"repo": wanted.repo, "revision": wanted.revision}, names)


def fetch_dataset(wanted: FetchDatasetSettings, manifest: Path, file: str, key: str) -> None:
    """Fetch a data set into the folder of `manifest`, as JSON lines.

    Raises:
        SafeLRMError: no revision is given, or the hub cannot be reached. Then there is no manifest.
    """
    with tempfile.TemporaryDirectory() as cache, reaching(wanted.repo, file=file, key=key):
        # or the libraries would keep copies of their own in the home directory
        os.environ["HF_HUB_CACHE"] = cache
        from datasets import load_dataset  # noqa: PLC0415  (the environment is set by now)

        hub().dataset_info(wanted.repo, revision=wanted.revision)
        rows = load_dataset(
            wanted.repo,
            wanted.config,
            split=wanted.split,
            revision=wanted.revision,
            data_files=wanted.data_file,
            cache_dir=cache,
        )
        with atomic_path(manifest.parent / ROWS) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    write_download(manifest, wanted.model_dump(exclude_none=True), [ROWS])


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--kind", required=True, choices=["model", "dataset"], help="what is fetched")
    parser.add_argument("--manifest", required=True, type=Path, help="the manifest to write, beside the files")
    parser.add_argument("--key", required=True, help="where the study names it, such as models.qwen3_8b.hub")
    options = parser.parse_args()
    kind, fetch = {
        "model": (FetchModelSettings, fetch_model),
        "dataset": (FetchDatasetSettings, fetch_dataset),
    }[options.kind]
    wanted = parse_settings(kind, options.settings)
    files = os.environ.get(CONFIGFILES, "the configuration")
    if wanted.revision is None:
        raise SafeLRMError(
            f"no revision of {wanted.repo} is given, so that what is fetched today may not be what is fetched tomorrow",
            file=files,
            key=f"{options.key}.revision",
            fix=f"fill in all revisions of it: PYTHONPATH=workflow python -m safelrm revisions {files}",
        )
    go_online()
    options.manifest.unlink(missing_ok=True)
    fetch(wanted, options.manifest, files, options.key)


if __name__ == "__main__":
    run(main)
