"""Access to a hub of models and data sets. Only `fetch` and `revisions` have it; all other jobs are offline.

A token in the environment (`HF_TOKEN`) is used by the hub's library, and written nowhere.

Downloading the files of a model from its repository on the hub, each checked against the hash that the hub lists.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from safelrm.core.checkpoints import file_names
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoFile

# set by the Snakefile for its jobs: the configuration, as messages name it
CONFIGFILES = "SAFELRM_CONFIGFILES"
GATED = "accept its terms on the hub, and export HF_TOKEN=… of that account"


def go_online() -> None:
    """Let this process reach the hub. Before any import of the hub's library, which reads the environment then."""
    os.environ |= {
        "HF_HUB_OFFLINE": "0",
        "HF_DATASETS_OFFLINE": "0",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }


def hub() -> "HfApi":
    """The hub's programming interface."""
    from huggingface_hub import HfApi  # noqa: PLC0415  (the environment is set by now)

    return HfApi()


@contextmanager
def reaching(repo: str, *, file: str, key: str) -> Iterator[None]:
    """Turn whatever goes wrong in reaching a repository into one clear error.

    Args:
        repo: id on the hub.
        file: configuration that names it.
        key: where it does.
    """
    try:
        yield
    except SafeLRMError:
        raise
    except Exception as error:  # the libraries raise many kinds, all of them the user's to mend
        raise SafeLRMError(
            f"{repo} cannot be taken from the hub ({type(error).__name__}: {_first_line(error)})",
            file=file,
            key=key,
            fix=_remedy(error),
        ) from None


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), "no more is said").strip()


def _remedy(error: Exception) -> str:
    match type(error).__name__:
        case "GatedRepoError":
            return GATED
        case "DatasetNotFoundError" if "gated" in str(error).lower():
            return GATED
        case "RepositoryNotFoundError":
            return "check the id; a private repository needs HF_TOKEN in the environment"
        case "RevisionNotFoundError":
            return "set the revision to null, and fill it in with `python -m safelrm revisions`"
        case _:
            return "run it where the hub can be reached, such as a login node; what is fetched already is kept"


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
