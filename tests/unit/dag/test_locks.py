"""What is installed is what the lock pins."""

from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker, default_environment

from safelrm.core.errors import SafeLRMError
from safelrm.dag import locks


def test_an_environment_that_is_not_the_locks_is_refused(tmp_path):
    right = metadata.version("pandas")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"pandas=={right}\n")
    locks.require_installed(lock)
    for line in (f"pandas=={right}.1\n", "no-such-package==1.0\n"):
        other = tmp_path / f"{len(line)}.txt"
        other.write_text(line)
        with pytest.raises(SafeLRMError, match="the lock says"):
            locks.require_installed(other)


@pytest.mark.parametrize(("locked", "found"), [("2.13.0+cpu", "2.13.0"), ("2.13.0+cpu", "2.13.0+cpu"), ("1.0", "1.0")])
def test_a_local_build_may_be_the_plain_release(tmp_path, monkeypatch, locked, found):
    lock = tmp_path / "lock.txt"
    lock.write_text(f"torch=={locked}\n")
    install_only(monkeypatch, "torch", found)
    locks.require_installed(lock)


@pytest.mark.parametrize(
    ("locked", "found"),
    [("2.13.0", "2.13.0+cpu"), ("2.13.0+cpu", "2.13.0+cu130"), ("2.13.0+cpu", "2.13.1"), ("2.13.0+cpu", "2.13")],
)
def test_no_other_build_passes_for_the_locked_one(tmp_path, monkeypatch, locked, found):
    lock = tmp_path / "lock.txt"
    lock.write_text(f"torch=={locked}\n")
    install_only(monkeypatch, "torch", found)
    with pytest.raises(SafeLRMError, match=r"the lock says 2\.13\.0"):
        locks.require_installed(lock)


def install_only(monkeypatch, name: str, version: str) -> None:
    found = metadata.PathDistribution(Path("nowhere"))
    monkeypatch.setattr(type(found), "metadata", {"Name": name, "Version": version}, raising=False)
    monkeypatch.setattr(locks.metadata, "distributions", lambda: [found])


MARKED = """\
apart==1 ; python_version in '3.11'
    # via top
apart==2 ; python_version in '3.12 3.13'
    # via top
extra==1 ; python_version in '3.12 3.13'
    # via apart
top==1
"""


@pytest.mark.parametrize(
    ("python", "expected"),
    [("3.11", ["apart==1", "top==1"]), ("3.12", ["apart==2", "extra==1", "top==1"])],
)
def test_only_the_pins_of_the_running_python_count(tmp_path, monkeypatch, python, expected):
    environment = default_environment() | {"python_version": python}
    monkeypatch.setattr(locks, "Marker", lambda text: _MarkerOf(text, environment))
    lock = tmp_path / "lock.txt"
    lock.write_text(MARKED)
    locks.read_lock.cache_clear()
    assert locks.pins({"top"}, lock) == expected


class _MarkerOf:
    """A marker as another Python sees it."""

    def __init__(self, text: str, environment: dict[str, str]) -> None:
        self.marker, self.environment = Marker(text), environment

    def evaluate(self) -> bool:
        return self.marker.evaluate(self.environment)
