"""Pull the data, checkpoints and rollouts of one published study from DVC's remote.

    python -m safelrm pull nano_tuning
    python -m safelrm pull nano_tuning --remote store

`dvc pull` fetches the files of all published studies. `dvc pull checkpoints/nano_a/rl-grpo` fetches one arm.
"""

from dvc.exceptions import DvcException
from dvc.repo import Repo

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.operations.pinned import places_of


def pull(study: str, remote: str | None = None) -> int:
    """Fetch what a published study has pinned, and return the number of files that were not in DVC's cache.

    Raises:
        SafeLRMError: no such study is pinned, DVC has no remote, the remote lacks a file, or a file was changed here.
    """
    places = places_of(study)
    try:
        with Repo() as repo:
            return repo.pull(targets=places, remote=remote)["stats"]["fetched"]
    except DvcException as error:
        fix = f"where it was pinned: python -m safelrm push --study {study}; see dvc data status --granular"
        raise SafeLRMError(f"dvc: {error}", file=study, fix=fix) from error


def main() -> None:
    """Run the command."""
    parser = command_parser(__doc__)
    parser.add_argument("study", help="name of a study in results/published")
    parser.add_argument("--remote", help="name of the remote; the default one")
    options = parser.parse_args()
    print(f"{options.study}: {pull(options.study, options.remote)} files fetched")


if __name__ == "__main__":
    run(main)
