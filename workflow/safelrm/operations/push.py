"""Push pinned folders, or parts of them, to DVC's remote.

    python -m safelrm push                                   everything that is pinned
    python -m safelrm push checkpoints/nano_a/rl-grpo        the checkpoints of one arm
    python -m safelrm push rollouts/nano_a --remote store
    python -m safelrm push --study nano_tuning               what one published study has pinned

`dvc pull checkpoints/nano_a/rl-grpo` fetches a part, `python -m safelrm pull` a study. `dvc push` cannot send one: if
the remote has the list of a folder's files, `dvc push` believes that it has the files too, and calls the rest pushed.
This command asks the remote for every file, and sends the list after the files.
"""

from collections.abc import Sequence
from pathlib import PurePath

from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.status import status
from dvc_data.hashfile.transfer import transfer

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.operations.pinned import PINNED, places_of


def push(targets: Sequence[str], remote: str | None = None) -> dict[str, tuple[int, int]]:
    """Send the pinned files of the targets that a remote lacks.

    Args:
        targets: pinned folders or paths below them, relative to the working folder, which is the checkout's root.
        remote: name of the remote; None: the default one.

    Returns:
        For each target the number of its files, and how many of them had to be sent.

    Raises:
        SafeLRMError: nothing is pinned there, DVC has no remote, or a file is neither in its cache nor in the remote.
    """
    with Repo() as repo:
        try:
            there = repo.cloud.get_remote_odb(remote, "push")
            pins = {output.def_path: output for output in repo.index.outs}
            sent: dict[str, tuple[int, int]] = {}
            for target in targets:
                folder, files = pinned_files(target, pins)
                done = transfer(repo.cache.local, there, files)
                # `done` does not tell which files the cache lacks
                if missing := status(there, files).missing:
                    raise SafeLRMError(
                        f"{len(missing)} of {len(files)} files are not in DVC's cache",
                        file=target,
                        fix=f"where they are pinned: python -m safelrm push {target}; here: dvc pull {target}",
                    )
                transfer(repo.cache.local, there, {folder})
                sent[target] = len(files), len(done.transferred)
        except DvcException as error:
            raise SafeLRMError(f"dvc: {error}", file=".dvc", fix="dvc remote add -d store /path/or/url") from error
    return sent


def pinned_files(target: str, pins: dict[str, Output]) -> tuple[HashInfo, set[HashInfo]]:
    """The list of files of the pinned folder that holds a path, and the files at or below the path."""
    folder, *below = PurePath(target).parts
    if folder not in pins:
        raise SafeLRMError("is not pinned", file=target, fix=f"name one of {sorted(pins)}, or a path below it")
    tree = pins[folder].get_obj()
    if tree is None:
        raise SafeLRMError("the list of its files is not here", file=target, fix=f"dvc pull {target}")
    files = {info for key, _, info in tree if list(key[: len(below)]) == below}
    if not files:
        raise SafeLRMError("no pinned file lies there", file=target, fix=f"see dvc list --recursive . {folder}")
    return pins[folder].hash_info, files


def main() -> None:
    """Run the command."""
    parser = command_parser(__doc__)
    parser.add_argument("targets", nargs="*", help="pinned folders, or paths below them; none: everything")
    parser.add_argument("--study", help="name of a published study: its files")
    parser.add_argument("--remote", help="name of the remote; the default one")
    options = parser.parse_args()
    targets = options.targets + (places_of(options.study) if options.study else [])
    for target, (files, sent) in push(targets or PINNED, options.remote).items():
        print(f"{target}: {files} files, {sent} of them new in the remote")


if __name__ == "__main__":
    run(main)
