"""`python -m safelrm <command> …` runs a command by its short name, such as `plan` for `safelrm.operations.plan`."""

import difflib
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def commands() -> dict[str, str]:
    """The module of each command by its short name: every module that can be started by itself."""
    found = {}
    for path in sorted(HERE.glob("*/*.py")):
        if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8"):
            found[path.stem] = ".".join((HERE.name, *path.relative_to(HERE).with_suffix("").parts))
    return found


def main() -> None:
    """Run the command that the first argument names, with the other arguments."""
    known = commands()
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(f"usage: python -m safelrm COMMAND …\n\ncommands: {', '.join(sorted(known))}\nCOMMAND --help tells more.")
        return
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join(sorted(known))}"
        sys.exit(f"error: there is no command `{name}`\n  fix: {hint}")
    del sys.argv[1]
    runpy.run_module(known[name], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
