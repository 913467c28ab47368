"""Push pinned folders, or parts of them, to DVC's remote.

    python -m safelrm push                                   everything that is pinned
    python -m safelrm push checkpoints/nano_a/rl-grpo        the checkpoints of one arm
    python -m safelrm push rollouts/nano_a --remote store

Once the list of a folder's files is in the remote, `dvc push` takes it for the proof that the files are there too:
after a part has been pushed, it calls the rest pushed. This command asks the remote for every file, and sends the list
after the files. `dvc pull checkpoints/nano_a/rl-grpo` fetches a part.
"""

import argparse
from collections.abc import Sequence
from pathlib import PurePath

from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.status import status
from dvc_data.hashfile.transfer import transfer

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.operations.pin import PINNED


def push(targets: Sequence[str], remote: str | None = None) -> dict[str, tuple[int, int]]:
    """Send what is pinned of the targets to a remote, as far as it is not there.

    Args:
        targets: pinned folders or paths below them, relative to the checkout's root, which is the working folder.
        remote: name of the remote; none: the default one.

    Returns:
        Files of each target, and how many of them had to be sent.

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
                # what the cache lacks is not among what failed
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
    """The list of the pinned folder that a path lies in, and the files of that path."""
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
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("targets", nargs="*", default=list(PINNED), help="pinned folders, or paths below them")
    parser.add_argument("--remote", help="name of the remote; the default one")
    options = parser.parse_args()
    for target, (files, sent) in push(options.targets, options.remote).items():
        print(f"{target}: {files} files, {sent} of them new in the remote")


if __name__ == "__main__":
    run(main)
