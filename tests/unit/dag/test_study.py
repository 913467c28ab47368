"""A configuration is checked whole before any job is planned; each fault is named with its key and a fix."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from safelrm.core.errors import SafeLRMError
from safelrm.dag.schema import DATA_PAGE, PAGE, SCHEMA_FILE, data_page, json_schema, page
from safelrm.dag.study import load_study

ROOT = Path(__file__).parents[3]


SHAPE = {"parameters": 1e5, "layers": 2, "hidden_size": 64, "kv_heads": 1, "head_dim": 32, "vocabulary": 64}
HUB = {"repo": "acme/tiny", "revision": None, "shape": SHAPE}
TABLE = "safelrm.data.sources.table"
MAPPING = {"columns": {"prompt": "q"}, "category": "c", "kind": "harmful"}


def real(**settings):
    """A data set of a file or a hub."""
    return {"source": TABLE, "settings": {**MAPPING, **settings}}


@pytest.fixture
def config() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def message(config: dict) -> str:
    with pytest.raises(SafeLRMError) as caught:
        load_study(config, "config.yaml")
    return str(caught.value)


def test_the_default_study_is_valid(config):
    study = load_study(config, "config.yaml")
    assert study.name == "nano"
    sft = {f"sft-{recipe}" for recipe in ("star1", "distillation", "matched_a", "matched_b")}
    assert {arm.name for arm in study.arms} == {"base", "rl-grpo", *sft}
    assert all(len(arm.seeds) == (1 if arm.method == "base" else 3) for arm in study.arms)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("learning_rte",), 1, ("learning_rte", "did you mean `learning_rate`")),
        (("sft", "star1", "epoch"), 3.0, ("sft.star1.epoch", "did you mean `epochs`")),
        (("rl", "grpo", "learning_rate"), "high", ("rl.grpo.learning_rate", "valid number")),
        (("rl", "grpo", "learning_rate"), "1e-5", ("rl.grpo.learning_rate", "write 1.0e-05")),
        (("rl", "grpo", "learning_rate"), float("nan"), ("rl.grpo.learning_rate",)),
        (("rollouts", "temperature"), -1.0, ("rollouts.temperature",)),
        (("rl", "grpo", "rewards", 0, "guards"), ["guard_c"], ("rl.grpo.rewards", "did you mean `guard_")),
        (("sft", "star1", "dataset"), "star2", ("sft.star1.dataset", "did you mean `star1`")),
        (("benchmarks",), ["requests_harmfull"], ("benchmarks", "did you mean `requests_harmful`")),
        (("judges", "refusal", "module"), "safelrm.judging.refusl", ("judges.refusal", "safelrm.judging.refusl")),
        (
            ("judges", "refusal", "module"),
            "safelrm.judging.judge",
            ("judges.refusal", "safelrm.judging.judge", "Settings"),
        ),
        (("datasets", "star1", "source"), "safelrm.judging.refusal", ("datasets.star1", "TABLE")),
        (
            ("rl", "grpo", "rewards", 0, "module"),
            "safelrm.training.rewards.safty",
            ("rl.grpo.rewards", "safelrm.training.rewards.safty"),
        ),
        (("datasets", "star1", "settings", "sze"), 3, ("datasets.star1.settings", "sze")),
        (("models", "nano_a", "settings", "probe", "thresold"), 0.1, ("models.nano_a.settings", "probe.thresold")),
        (("arms", 1, "recipe"), "star2", ("arms.1.recipe", "star1")),
        (("arms", 1, "seeds"), [1, 1], ("arms.1", "twice")),
        (("arms", 0, "recipe"), "star1", ("arms.0", "takes no recipe")),
        (("metrics", "safety_judge"), "gard_b", ("metrics.safety_judge", "did you mean `guard_b`")),
        (("metrics", "language_judge"), "oracl", ("metrics.language_judge", "did you mean `oracle`")),
        (("metrics", "language_judge"), "oracle.words", ("metrics.language_judge", "gives no field `words`")),
        (("metrics", "reference_model"), "nano_x", ("metrics.reference_model", "did you mean `nano_")),
        (("metrics", "safety_benchmark"), "requests", ("metrics.safety_benchmark", "`benchmarks`")),
        (("metrics", "sft_against"), ["rl-grpo"], ("metrics.sft_against", "no SFT arms ['rl-grpo']", "sft-star1")),
        (("calibration", "reference"), "oracl", ("calibration.reference", "did you mean `oracle`")),
        (("calibration", "judges"), ["oracle"], ("calibration", "name every judge once")),
        (("models", "nano_b", "decodings"), {}, ("models.nano_b.decodings",)),
        (("models", "nano_b", "decodings", "thinking"), {"templat": {}}, ("did you mean `template`",)),
        (("rollouts",), None, ("rollouts", "missing")),
        (("models", "nano_a"), {"seed": 1}, ("models.nano_a", "either `hub`", "`factory`")),
        (("models", "nano_a", "hub"), HUB, ("models.nano_a", "leave out `factory`, or `hub`")),
        (("models", "nano_a"), {"hub": HUB, "settings": {"dialect": "x"}}, ("models.nano_a.settings", "dialect")),
        (
            ("models", "nano_a", "inputs"),
            {},
            ("models.nano_a.inputs", "takes ['corpus'], given are []"),
        ),
        (("models", "nano_a"), {"hub": {**HUB, "repo": "tiny"}}, ("models.nano_a.hub.repo",)),
        (("models", "nano_a"), {"hub": {**HUB, "revision": "main"}}, ("models.nano_a.hub.revision",)),
        (("models", "nano_a"), {"hub": HUB, "inputs": {"corpus": "star1"}}, ("models.nano_a", "leave out `inputs`")),
        (("models", "nano_a"), {"hub": HUB, "path": "x"}, ("models.nano_a", "leave out `path`, or `hub`")),
        (("models", "nano_a", "path"), "x", ("models.nano_a", "leave out `factory`, or `path`")),
        (("models", "nano_a"), {"path": "no/such"}, ("models.nano_a.path: no/such: there is no such folder",)),
        (("guards", "guard_a", "hub"), HUB, ("guards.guard_a", "leave out `factory`, or `hub`")),
        (
            ("guards", "guard_a", "inputs"),
            {"corpus": "guard_facts"},
            ("guards.guard_a.inputs", "takes ['corpus', 'labels']"),
        ),
        (("datasets", "star1"), real(hub=None), ("datasets.star1.settings.path", "no file")),
        (("datasets", "star1"), real(hub="acme/asks", sha256="0" * 64), ("datasets.star1.settings.sha256",)),
        (("datasets", "star1"), real(hub="acme/asks", revision="main"), ("datasets.star1.settings", "revision")),
        (("datasets", "star1", "settings", "path"), "${NO_SUCH_VARIABLE}/x", ("NO_SUCH_VARIABLE", "export")),
    ],
)
def test_a_fault_is_named_with_its_key_and_a_fix(config, path, value, expected):
    *parents, key = path
    section = config
    for parent in parents:
        section = section[parent] if isinstance(section, list) else section.setdefault(parent, {})
    section[key] = value
    text = message(config)
    assert all(part in text for part in ("config.yaml", "fix:", *expected)), text


def test_a_missing_file_is_named(config, tmp_path):
    config["datasets"]["real"] = real(path=str(tmp_path / "absent.json"))
    text = message(config)
    assert "absent.json" in text and "datasets.real.settings.path" in text


def test_one_revision_of_a_repository_is_kept_at_a_time(config):
    config["models"]["nano_a"] = {"hub": HUB}
    config["guards"]["guard_a"] = {"hub": HUB, "reading": config["guards"]["guard_a"]["reading"]}
    assert load_study(config, "config.yaml").models["nano_a"].maker == "safelrm.models.hub"
    config["guards"]["guard_a"]["hub"] = {**HUB, "revision": "a" * 40}
    text = message(config)
    assert "guards.guard_a.hub.revision" in text and "`models.nano_a.hub` has another revision of acme/tiny" in text


@pytest.mark.parametrize("section", ["judges", "analyses", "validation"])
def test_a_later_file_leaves_out_an_entry_by_null(config, section):
    config["calibration"] = None
    name = {"judges": "guard_a", "analyses": "lengths", "validation": "refusals"}[section]
    whole = getattr(load_study(config, "config.yaml"), section)
    config[section][name] = None
    assert getattr(load_study(config, "config.yaml"), section) == {k: v for k, v in whole.items() if k != name}


def test_variables_are_replaced(config, monkeypatch, tmp_path):
    file = tmp_path / "star1.json"
    file.write_text("[]")
    monkeypatch.setenv("SOME_FOLDER", str(tmp_path))
    config["datasets"]["real"] = real(path="${SOME_FOLDER}/star1.json")
    assert load_study(config, "config.yaml").datasets["real"].settings["path"] == str(file)


def test_loading_leaves_the_configuration_as_it_was(config):
    before = copy.deepcopy(config)
    load_study(config, "config.yaml")
    assert config == before


@pytest.mark.parametrize(("file", "text"), [(SCHEMA_FILE, json_schema), (PAGE, page)])
def test_generated_files_are_in_step_with_the_models(file, text):
    assert file.read_text(encoding="utf-8") == text(), "run `make schema`"


def test_the_table_of_data_sets_is_in_step_with_their_presets():
    text = DATA_PAGE.read_text(encoding="utf-8")
    assert data_page(text) == text, "run `make schema`"


def test_reading_a_configuration_imports_no_heavy_library():
    code = (
        "import sys, yaml; from safelrm.dag.study import load_study;"
        "load_study(yaml.safe_load(open('config.yaml')), 'config.yaml');"
        "print({'torch', 'transformers', 'vllm', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "workflow"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


def arm(config, **given):
    config["arms"].append({"model": "nano_a", "method": "rl", "recipe": "grpo", "seeds": [1], **given})
    return config


def test_an_arm_may_start_from_another(config):
    study = load_study(arm(config, **{"from": "sft-star1"}), "config.yaml")
    assert study.arms[-1].name == "rl-grpo-from-sft-star1"
    assert ("nano_a", "rl-grpo-from-sft-star1", 1) in [*study.runs()]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"from": "sft-star2"}, "arms.13.from: `sft-star2` is no trained arm of `nano_a`"),
        ({"from": "base"}, "arms.13.from"),
        ({"from": "rl-grpo-from-rl-grpo"}, "arms.13.from"),
        ({"from": "sft-star1", "seeds": [1, 4]}, "`sft-star1` has no seeds [4]"),
        ({"from": "sft-star1", "method": "base", "recipe": None}, "`base` trains nothing"),
    ],
)
def test_an_arm_starts_from_a_trained_arm_of_its_model_and_seed(config, given, expected):
    assert expected in message(arm(config, **given))


def test_arms_that_start_from_each_other_are_refused(config):
    arm(config, **{"method": "sft", "recipe": "star1", "from": "rl-grpo-from-sft-star1"})
    assert "is no trained arm" in message(config)


def test_rl_needs_no_guard(config):
    config["rl"]["grpo"]["rewards"] = config["rl"]["grpo"]["rewards"][1:]
    assert load_study(config, "config.yaml").rl["grpo"].guards == []


def test_a_term_that_reads_guards_is_given_some(config):
    del config["rl"]["grpo"]["rewards"][0]["guards"]
    assert "rl.grpo.rewards.0.guards: `safelrm.training.rewards.safety` needs a guard" in message(config)


def test_figures_of_several_harmful_benchmarks_show_one(config):
    chosen = config["metrics"].pop("safety_benchmark")
    said = message(config)
    assert "metrics.safety_benchmark: there are 2 harmful benchmarks" in said
    assert "['pretexts_harmful', 'requests_harmful']" in said
    config["metrics"]["safety_benchmark"] = chosen
    load_study(config, "config.yaml")
