from pathlib import Path

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.operations.pin import PINNED, publish, require_own, require_whole

OWN = [
    "data/star1.parquet",
    "checkpoints/nano_a/rl-grpo/seed1/manifest.json",
    "checkpoints/guards/guard_a/manifest.json",
    "rollouts/nano_a/rl-grpo/seed1.parquet",
]
BESIDE_MANIFESTS = [
    "checkpoints/nano_a/rl-grpo/seed1/model/config.json",
    "checkpoints/guards/guard_a/model/config.json",
]


def write(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


@pytest.fixture(autouse=True)
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(*OWN, *BESIDE_MANIFESTS)


def test_a_study_of_its_own_is_pinned():
    require_whole(OWN)
    require_own(PINNED, set(OWN))


@pytest.mark.parametrize(
    "foreign",
    [
        "data/of_another_study.parquet",
        "checkpoints/nano_a/rl-former/seed1/manifest.json",
        "checkpoints/nano_a/rl-grpo/seed2/model/config.json",
        "checkpoints/guards/guard_c/model/config.json",
        "rollouts/nano_a/rl-grpo/seed9.parquet",
    ],
)
def test_what_is_not_of_the_study_is_named(foreign):
    write(foreign)
    with pytest.raises(SafeLRMError, match=f"such as {foreign}"):
        require_own(PINNED, set(OWN))


@pytest.mark.parametrize("missing", OWN)
def test_what_is_missing_of_the_study_is_named(missing):
    Path(missing).unlink()
    with pytest.raises(SafeLRMError, match="1 files of this study are not here") as error:
        require_whole(OWN)
    assert str(error.value.file) == missing


def test_results_of_a_former_configuration_are_not_published():
    write("results/x/tables/a.md", "results/x/tables/a.csv", "results/x/tables/former.csv", "results/x/samples.parquet")
    write("results/published/x/tables/older.md")
    publish([Path("results/x/tables/a.md"), Path("results/x/samples.parquet")], Path("results/x"))
    published = [str(path.relative_to("results/published/x")) for path in Path("results/published/x").rglob("*.*")]
    assert sorted(published) == ["samples.parquet", "tables/a.csv", "tables/a.md"]
