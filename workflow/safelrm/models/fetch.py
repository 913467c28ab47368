"""Fetch a model or a data set from the hub. No other stage has network access: run it on a login node.

    snakemake --cores 1 fetch_all        (fetches all that a study needs)

Input:  settings: what to fetch, at which commit.
Output: the fetched files, and beside them a manifest with the SHA-256 of each, which is written last. A model has
        safetensors weights, configuration and tokenizer. A data set is one file of JSON lines.

Each file of a model is checked against the hash that the hub lists. Files that a killed run has fetched are used.
"""

import json
import os
import tempfile
from pathlib import Path, PurePath

from safelrm.core.checkpoints import relative_files, write_download
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.models.files import ALL_WEIGHTS, is_model_file
from safelrm.models.online import CONFIGFILES, go_online, hub, reaching
from safelrm.models.settings import FetchDatasetSettings, FetchModelSettings

ROWS = "rows.jsonl"


def fetch_model(wanted: FetchModelSettings, manifest: Path, file: str, key: str) -> None:
    """Fetch a model into the folder of `manifest`, then write `manifest`.

    Raises:
        SafeLRMError: the hub cannot be reached, the repository has no safetensors weights, or a file is not what the
            hub lists. Then there is no manifest.
    """
    with reaching(wanted.repo, file=file, key=key):
        # without a network this first request fails at once; a download would try again and again
        hub().model_info(wanted.repo, revision=wanted.revision)
        names = _download(wanted.repo, wanted.revision, manifest.parent)
    write_download(manifest, {"repo": wanted.repo, "revision": wanted.revision}, names)


def fetch_dataset(wanted: FetchDatasetSettings, manifest: Path, file: str, key: str) -> None:
    """Fetch a data set into the folder of `manifest`, as JSON lines, then write `manifest`.

    Raises:
        SafeLRMError: the hub cannot be reached. Then there is no manifest.
    """
    with tempfile.TemporaryDirectory() as cache, reaching(wanted.repo, file=file, key=key):
        # otherwise the libraries keep their own copies in the home directory
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


def _download(repo: str, revision: str, folder: Path) -> list[str]:
    """Download a model into a folder, and remove all other files from it; the names of the model's files.

    Files that an earlier run has downloaded are not downloaded again.

    Raises:
        SafeLRMError: the repository has no safetensors weights, or a file is not what the hub lists.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (the environment is set by now)

    listed = hub().list_repo_files(repo, revision=revision)
    wanted = [name for name in listed if is_model_file(name)]
    if not any(PurePath(name).match(ALL_WEIGHTS) for name in wanted):
        raise SafeLRMError(
            f"the repository {repo} has no safetensors weights, only {sorted(listed)}",
            file=f"{repo} at {revision}",
            fix="name a repository or a revision with model.safetensors: pickled weights can run code and are not read",
        )
    snapshot_download(repo, revision=revision, local_dir=folder, allow_patterns=wanted)
    for name in set(relative_files(folder)) - set(wanted):
        (folder / name).unlink()
    damaged = hub().verify_repo_checksums(repo, revision=revision, local_dir=folder).mismatches
    for file in damaged:
        (folder / file["path"]).unlink()
    if damaged:
        raise SafeLRMError(
            f"what was received has the hash {damaged[0]['actual']}, the hub lists {damaged[0]['expected']}",
            file=folder / damaged[0]["path"],
            fix="fetch it again; the damaged file has been removed",
        )
    return wanted


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--kind", required=True, choices=["model", "dataset"], help="what to fetch")
    parser.add_argument("--manifest", required=True, type=Path, help="the manifest to write, beside the files")
    parser.add_argument("--key", required=True, help="key of the configuration, such as models.qwen3_8b.hub")
    options = parser.parse_args()
    kind, fetch = {
        "model": (FetchModelSettings, fetch_model),
        "dataset": (FetchDatasetSettings, fetch_dataset),
    }[options.kind]
    wanted = parse_settings(kind, options.settings)
    files = os.environ.get(CONFIGFILES, "the configuration")
    if wanted.revision is None:
        raise SafeLRMError(
            f"no revision of {wanted.repo} is given, so tomorrow's fetch may give other files than today's",
            file=files,
            key=f"{options.key}.revision",
            fix=f"fill in all revisions of it: PYTHONPATH=workflow python -m safelrm revisions {files}",
        )
    go_online()
    options.manifest.unlink(missing_ok=True)
    fetch(wanted, options.manifest, files, options.key)


if __name__ == "__main__":
    run(main)
