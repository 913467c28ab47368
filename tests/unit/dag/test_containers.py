"""The definitions of images: both install exactly a lock of the project, and neither takes anything else along."""

import re
from pathlib import Path

import pytest

from safelrm.dag.environment import BUILD

ROOT = Path(__file__).parents[3]
DEFINITION = ROOT / "envs/containers/safelrm.def"
DOCKERFILE = ROOT / "envs/containers/Dockerfile"
LOCK = "/opt/safelrm/lock.txt"


def sections(definition: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The head of an Apptainer definition, and the lines of its sections, without comments."""
    head: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in definition.read_text().splitlines():
        if line.startswith("%"):
            current = found.setdefault(line.removeprefix("%"), [])
        elif line.strip() and not line.lstrip().startswith("#"):
            if current is None:
                key, _, value = line.partition(":")
                head[key] = value.strip()
            else:
                current.append(line.strip())
    return head, found


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", dockerfile.read_text()))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]


def install(line: str) -> list[str]:
    return line.partition("pip install ")[2].split()


def test_both_start_from_the_same_image_of_the_projects_python():
    head, _ = sections(DEFINITION)
    (base,) = [value for name, value in instructions(DOCKERFILE) if name == "FROM"]
    assert head == {"Bootstrap": "docker", "From": base}
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base)


def test_both_install_the_lock_and_nothing_else_as_make_does():
    _, found = sections(DEFINITION)
    (apptainer,) = [line for line in found["post"] if "pip" in line and not line.startswith("export")]
    (docker,) = [value for name, value in instructions(DOCKERFILE) if name == "RUN" and "pip" in value]
    assert install(apptainer) == install(docker) == ["--no-cache-dir", "--no-deps", "--requirement", LOCK]
    assert 'installer.install("--no-deps", requirements=others)' in (ROOT / "envs/install.py").read_text()


@pytest.mark.parametrize("lock", ["cpu-vllm", "gpu"])
def test_the_lock_is_the_only_file_of_the_checkout_within(lock):
    _, found = sections(DEFINITION)
    ((source, target),) = [line.replace("{{ LOCK }}", lock).split() for line in found["files"]]
    (copied,) = [value.replace("${LOCK}", lock).split() for name, value in instructions(DOCKERFILE) if name == "COPY"]
    assert [source, target] == [f"envs/{lock}.txt", LOCK]
    assert copied == [f"{lock}.txt", LOCK]
    assert (ROOT / source).is_file()


def test_the_default_is_the_default_studys_lock():
    _, found = sections(DEFINITION)
    assert "LOCK=cpu-vllm" in found["arguments"]
    assert ("ARG", "LOCK=cpu-vllm") in instructions(DOCKERFILE)


def test_the_same_packages_of_the_system_are_in_both():
    _, found = sections(DEFINITION)
    wanted = [line.partition("recommends ")[2].split() for line in found["post"] if line.startswith("apt-get install")]
    (docker,) = [value for name, value in instructions(DOCKERFILE) if "apt-get" in value]
    assert wanted == [docker.partition("recommends ")[2].partition("&&")[0].split()]


def test_docker_runs_as_a_user_and_gives_no_rights_back():
    names = [name for name, _ in instructions(DOCKERFILE)]
    users = [value for name, value in instructions(DOCKERFILE) if name == "USER"]
    assert users == ["1000"]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name == "RUN")


def test_the_environments_write_outside_the_checkout_and_set_no_path():
    # a PATH or a PYTHONPATH of the image would hide the checkout's package or the image's Python
    _, found = sections(DEFINITION)
    text = "\n".join(found["environment"]) + dict(reversed(instructions(DOCKERFILE)))["ENV"]
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TRITON_CACHE_DIR"):
        assert text.count(f"{name}=") == 2
    assert not re.search(r"\b(PYTHON)?PATH=", text)


def test_the_command_in_messages_builds_the_definition_with_arguments_it_has():
    words = BUILD.format(lock="gpu", image="gpu.sif").split()
    assert (ROOT / words[-1]) == DEFINITION
    _, found = sections(DEFINITION)
    name, _, _ = words[words.index("--build-arg") + 1].partition("=")
    assert name in [line.partition("=")[0] for line in found["arguments"]]
