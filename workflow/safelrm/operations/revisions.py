"""Fill in what a configuration leaves open: each revision that is `null`, and what presets of data sets do not know.

    PYTHONPATH=workflow python -m safelrm revisions experiments/one_gpu.yaml

A revision becomes the commit of the hub's main branch. Revisions that are given stay as they are. What a preset of a
data set does not know (its file in the repository, columns) is looked up at that commit. Nothing else in the file
changes: comments and layout stay.
"""

import sys
from pathlib import Path

import yaml

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.models.online import go_online, hub, reaching
from safelrm.operations.blanks import Blank, fill, find_blanks
from safelrm.operations.facts import found_facts


def resolve(blanks: list[Blank], file: Path) -> dict[int, str]:
    """The answer for each blank, by its position: the commit, and facts that a preset does not know.

    Raises:
        SafeLRMError: a repository cannot be reached, or does not have what a preset expects.
    """
    commits: dict[tuple[str, str], str] = {}
    answers: dict[int, str] = {}
    for blank in blanks:
        if blank.revision is None and (blank.kind, blank.repo) not in commits:
            with reaching(blank.repo, file=str(file), key=blank.key):
                commit = hub().repo_info(blank.repo, repo_type=blank.kind, revision="main").sha
            commits[blank.kind, blank.repo] = commit
            print(f"{blank.key}: {blank.repo} is at {commit}", flush=True)
        commit = str(blank.revision or commits[blank.kind, blank.repo])
        facts = found_facts(blank, commit, str(file)) if blank.preset else []
        for fact in facts:
            print(f"{blank.key.rpartition('.')[0]}: {fact}", flush=True)
        answers[blank.position] = blank.between.join(facts if blank.revision else [commit, *facts])
    return answers


def main() -> None:
    """Run the command."""
    parser = command_parser(__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="configurations to fill in")
    go_online()
    for file in parser.parse_args().files:
        try:
            text = file.read_text(encoding="utf-8")
            blanks = find_blanks(text)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise SafeLRMError(f"cannot be read ({error})", file=file, fix="name a configuration") from None
        if not blanks:
            print(f"{file}: no revision is missing, and every preset is known", file=sys.stderr)
            continue
        write_text(file, fill(text, blanks, resolve(blanks, file)))


if __name__ == "__main__":
    run(main)
