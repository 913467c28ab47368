"""Downloading the files of a model from its repository on the hub, each checked against the hash that the hub lists."""

import hashlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256
from safelrm.core.hub import hub
from safelrm.core.manifests import file_names

if TYPE_CHECKING:
    from huggingface_hub import RepoFile

WEIGHTS = "model*.safetensors"
# configuration, chat template and tokenizer; nothing that could be code
BESIDE_WEIGHTS = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
# a name that is ours
MANIFEST = "manifest.json"


def download(repo: str, revision: str, folder: Path) -> list[str]:
    """Download a model into a folder, which holds its files and no other then; return their names.

    Files that are there already, from an earlier run, are not downloaded again.

    Raises:
        SafeLRMError: the repository has no safetensors weights, or a file is not what the hub lists.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (the environment is set by now)

    entries = hub().list_repo_tree(repo, revision=revision)
    listed = {entry.path: entry for entry in entries if hasattr(entry, "blob_id")}
    wanted = {name: entry for name, entry in listed.items() if _is_wanted(name)}
    if not any(PurePath(name).match(WEIGHTS) for name in wanted):
        raise SafeLRMError(
            f"the repository {repo} has no safetensors weights, only {sorted(listed)}",
            file=f"{repo} at {revision}",
            fix="name a repository or a revision with model.safetensors: pickled weights can run code and are not read",
        )
    snapshot_download(repo, revision=revision, local_dir=folder, allow_patterns=[*wanted])
    for name in set(file_names(folder)) - set(wanted):
        (folder / name).unlink()
    for name, entry in wanted.items():
        _check(folder / name, entry)
    return [*wanted]


def _is_wanted(name: str) -> bool:
    if "/" in name or name == MANIFEST:
        return False
    return any(PurePath(name).match(pattern) for pattern in (WEIGHTS, *BESIDE_WEIGHTS))


def _check(path: Path, entry: "RepoFile") -> None:
    """Compare a file with its hash on the hub: SHA-256 of a large file, git's hash of a small one."""
    found = sha256(path) if entry.lfs else _git_hash(path)
    expected = entry.lfs.sha256 if entry.lfs else entry.blob_id
    if found != expected:
        path.unlink()
        raise SafeLRMError(
            f"what was received has the hash {found}, the hub lists {expected}",
            file=path,
            fix="fetch it again; it has been removed",
        )


def _git_hash(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
