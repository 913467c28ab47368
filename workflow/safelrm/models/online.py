"""Access to a hub of models and data sets. Only `fetch` and `revisions` have it; all other jobs are offline.

The hub's library uses a token in the environment (`HF_TOKEN`). The token is written nowhere.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from safelrm.core.errors import SafeLRMError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# the files of the configuration, for messages; the Snakefile sets this variable for its jobs
CONFIGFILES = "SAFELRM_CONFIGFILES"
GATED = "accept its terms on the hub, and export HF_TOKEN=… of that account"


def go_online() -> None:
    """Let this process reach the hub. Call it before any import of the hub's library, which reads the environment."""
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
    """Turn any error of the hub's libraries into one clear error.

    Args:
        repo: id of the repository on the hub.
        file: configuration that names it.
        key: key of the configuration that names it.
    """
    try:
        yield
    except SafeLRMError:
        raise
    except Exception as error:  # the libraries raise many kinds, and the user can mend all of them
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
