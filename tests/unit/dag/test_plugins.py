"""Modules of the user, in folders of their own."""

import sys
from pathlib import Path

import pytest
import yaml

from safelrm.core.errors import SafeLRMError
from safelrm.dag import codehash, roots
from safelrm.dag.plan import Plan
from safelrm.dag.stages.training import TrainingStages
from safelrm.dag.study import load_study

ROOT = Path(__file__).parents[3]
REWARD = """\
from safelrm.core.settings import Strict
from {package}.words import LONG


class Settings(Strict):
    limit: int = 3


def build(context, settings):
    return lambda samples: [float(len(sample.completion) > LONG + settings.limit) for sample in samples]
"""


@pytest.fixture
def config() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture
def plugin(tmp_path, monkeypatch, request):
    """A folder with a package of a name of its own, without `__init__.py`; the package's folder."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    package = tmp_path / f"mine_{abs(hash(request.node.name)) % 10**8}"
    package.mkdir()
    (package / "words.py").write_text("LONG = 20\nUNUSED = 1\n")
    (package / "reward.py").write_text(REWARD.format(package=package.name))
    yield package
    roots.use_plugins([], "config.yaml")
    codehash.forget_code()


def with_term(config: dict, plugin: Path, **term) -> dict:
    entry = {"module": f"{plugin.name}.reward", "weight": 0.1, **term}
    config["rl"]["grpo"]["rewards"].append(entry)
    return {**config, "plugins": [str(plugin.parent)]}


def test_a_term_outside_the_package_is_taken_with_its_settings(config, plugin):
    study = load_study(with_term(config, plugin, settings={"limit": 5}), "config.yaml")
    assert study.rl["grpo"].rewards[-1].settings == {"limit": 5}
    assert roots.plugin_folders() == [str(plugin.parent)]


def test_its_code_counts_and_nothing_else_of_it(config, plugin):
    def code() -> str:
        for cached in [each for each in vars(codehash).values() if hasattr(each, "cache_clear")]:
            cached.cache_clear()
        study = load_study(config, "config.yaml")
        return codehash.code_hash(*(term.module for term in study.rl["grpo"].rewards), lock=Plan(study).lock)

    config = with_term(config, plugin)
    first = code()
    (plugin / "words.py").write_text("LONG = 20\nUNUSED = 2\n")
    assert code() == first
    (plugin / "words.py").write_text("LONG = 21\nUNUSED = 2\n")
    assert code() != first


def test_a_module_that_was_edited_is_read_anew(config, plugin):
    given = with_term(config, plugin)
    load_study(given, "config.yaml")
    (plugin / "reward.py").write_text("Settings = 1\n")
    with pytest.raises(SafeLRMError, match=r"has no \['build'\]"):
        load_study(given, "config.yaml")


def test_the_code_of_a_module_that_a_term_asks_counts(config, plugin, monkeypatch):
    monkeypatch.setattr(TrainingStages, "code", lambda self, *uses: uses)
    (plugin / "helps.py").write_text("def score(samples):\n    return [1.0] * len(samples)\n")
    term = {"module": "safelrm.training.rewards.hybrid", "guards": ["guard_a"]}
    given = with_term(config, plugin, **term, settings={"helpfulness": f"{plugin.name}.helps"})
    uses = Plan(load_study(given, "config.yaml")).training.rl_code({"recipe": "grpo"})
    assert {f"{plugin.name}.helps:score", "safelrm.training.rewards.scorers.refusal_phrases:score"} <= {*uses}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plugin: (plugin / "reward.py").write_text("def build(:\n"), ["reward.py", "line 1"]),
        (lambda plugin: (plugin / "reward.py").write_text("Settings = 1\n"), ["rl.grpo.rewards.4", "has no ['build']"]),
        (lambda plugin: (plugin / "reward.py").unlink(), ["rl.grpo.rewards.4", "there is no module"]),
        (
            lambda plugin: (plugin / "reward.py").write_text(REWARD.format(package="")),
            ["reward.py", "line 2: relative import"],
        ),
        (
            lambda plugin: (plugin / "reward.py").write_text("Settings = 1\ndef build(context, settings): ...\n"),
            ["Settings", "no settings model"],
        ),
        (lambda plugin: (plugin.parent / "queue.py").touch(), ["plugins", "`queue`", "Python"]),
        (lambda plugin: (plugin.parent / "datasets.py").touch(), ["plugins", "`datasets`", "__init__.py"]),
        (lambda plugin: (plugin.parent / "safelrm.py").touch(), ["plugins", "`safelrm`"]),
    ],
)
def test_a_fault_of_a_plugin_is_one_error(config, plugin, change, said):
    change(plugin)
    with pytest.raises(SafeLRMError) as caught:
        study = load_study(with_term(config, plugin), "config.yaml")
        Plan(study).training.rl_code({"recipe": "grpo"})
    assert all(part in str(caught.value) for part in (*said, "fix:")), str(caught.value)


def test_settings_that_a_term_does_not_take_are_named(config, plugin):
    with pytest.raises(SafeLRMError, match=r"rl\.grpo\.rewards\.4\.settings: limits"):
        load_study(with_term(config, plugin, settings={"limits": 5}), "config.yaml")


def test_a_term_has_guards_if_it_reads_guards(config, plugin):
    with pytest.raises(SafeLRMError, match="reads no guard"):
        load_study(with_term(config, plugin, guards=["guard_a"]), "config.yaml")


def test_a_folder_without_modules_is_refused(config, tmp_path):
    with pytest.raises(SafeLRMError, match="no folder of modules"):
        load_study({**config, "plugins": [str(tmp_path / "nothing")]}, "config.yaml")
