"""Fill in the revisions of a configuration: every `null` becomes the commit at which the hub's main branch is now.

    PYTHONPATH=workflow python -m safelrm.revisions experiments/one_gpu.yaml

Revisions that are given stay as they are. The file is changed in these places alone: comments and form are kept.
"""

import argparse
import sys
from pathlib import Path

import yaml

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.core.hub import go_online, hub, reaching
from safelrm.dag.blanks import Blank, fill, find_blanks


def resolve(blanks: list[Blank], file: Path) -> dict[int, str]:
    """The commit for each blank, by its position.

    Raises:
        SafeLRMError: a repository cannot be reached.
    """
    commits: dict[tuple[str, str], str] = {}
    for blank in blanks:
        if (blank.kind, blank.repo) not in commits:
            with reaching(blank.repo, file=str(file), key=blank.key):
                commit = hub().repo_info(blank.repo, repo_type=blank.kind, revision="main").sha
            commits[blank.kind, blank.repo] = commit
            print(f"{blank.key}: {blank.repo} is at {commit}", flush=True)
    return {blank.position: commits[blank.kind, blank.repo] for blank in blanks}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="configurations to fill in")
    go_online()
    for file in parser.parse_args().files:
        try:
            text = file.read_text(encoding="utf-8")
            blanks = find_blanks(text)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SafeLRMError(f"cannot be read ({error})", file=file, fix="name a configuration") from None
        if not blanks:
            print(f"{file}: no revision is missing", file=sys.stderr)
            continue
        write_text(file, fill(text, blanks, resolve(blanks, file)))


if __name__ == "__main__":
    run(main)
