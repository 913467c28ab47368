"""`python -m safelrm <stage> …` runs a stage: the same as `python -m safelrm.<stage> …`."""

import difflib
import pkgutil
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
STAGES = sorted(info.name for info in pkgutil.iter_modules([str(HERE)]) if not (info.ispkg or info.name == "__main__"))


def main() -> None:
    """Run the stage that the first argument names, with the other arguments."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(f"usage: python -m safelrm STAGE …\n\nstages: {', '.join(STAGES)}\nSTAGE --help tells more.")
        return
    if name not in STAGES:
        near = difflib.get_close_matches(name, STAGES, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"one of {', '.join(STAGES)}"
        sys.exit(f"error: there is no stage `{name}`\n  fix: {hint}")
    del sys.argv[1]
    runpy.run_module(f"safelrm.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
