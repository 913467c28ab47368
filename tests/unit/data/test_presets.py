"""Presets of data sets: every one fits its source, knows what it does not know, and reads its publisher's file."""

import importlib
import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from source_fixtures import needs_real_data

from safelrm.core.errors import SafeLRMError
from safelrm.dag.entries import DatasetEntry
from safelrm.dag.study import load_study
from safelrm.data.presets import data_presets, unknown_settings

# the file of each preset, the rows that its publisher counts, and the rows that are kept
FILES = {
    "star1": ("star1.json", 1000, 1000),
    "lrm_safety_study_nocot": ("lrm_safety_study_nocot.json", 1000, 1000),
    "strongreject": ("strongreject.csv", 313, 313),
    "harmbench": ("harmbench_text_all.csv", 400, 300),
    "harmbench_val": ("harmbench_text_val.csv", 80, 60),
    "advbench50": ("advbench50.jsonl", 50, 50),
    "xstest": ("xstest_prompts.csv", 450, 450),
    "xstest_labels_gpt4": ("xstest_human_labels_gpt4.csv", 450, 450),
    "xstest_labels_llama2new": ("xstest_human_labels_llama2new.csv", 450, 450),
    "xstest_labels_mistralinstruct": ("xstest_human_labels_mistralinstruct.csv", 450, 450),
    "gsm8k": ("gsm8k_test.jsonl", 1319, 1319),
    "math500": ("math500.jsonl", 500, 500),
    "coconot_contrast": ("coconot_contrast_eval.jsonl", 379, 379),
    "coconot_pref": ("coconot_pref.jsonl", 927, 919),
}


def entry(preset: str, **settings) -> DatasetEntry:
    return DatasetEntry.model_validate({"preset": preset, "settings": settings})


def study(tmp_path: Path, **datasets) -> object:
    return load_study({"name": "x", "datasets": datasets}, "study.yaml")


@pytest.mark.parametrize("name", data_presets())
@pytest.mark.parametrize("path", [None, "rows.csv"])
def test_a_preset_fits_its_source_or_says_what_it_does_not_know(name, path):
    found = entry(name, **({"path": path} if path else {}))
    preset, unknown = data_presets()[name], [*unknown_settings(found.settings)]
    if path is None and preset.hub is None:
        assert "hub" not in found.settings
        return
    assert {*unknown} <= preset.find.keys() | preset.choose.keys()
    if not unknown:
        importlib.import_module(found.source).Settings.model_validate(found.settings)


def test_presets_without_facts_say_where_to_look():
    for name, preset in data_presets().items():
        unknown = {*unknown_settings(entry(name).settings)}
        assert unknown == preset.find.keys() | preset.choose.keys(), name
        assert preset.origin and preset.title, name
        revision = (preset.hub or {}).get("revision")
        assert revision is None or re.fullmatch(r"[0-9a-f]{40}", revision), name


def test_keys_of_the_data_set_hold_over_the_preset():
    found = entry("xstest", split="other", columns={"category": "focus"}, kind={"column": "l", "map": {"x": "benign"}})
    assert found.settings["columns"] == {"prompt": "prompt", "category": "focus"}
    assert found.settings["kind"] == {"column": "l", "map": {"x": "benign"}}
    assert (found.settings["hub"], found.settings["split"]) == ("walledai/XSTest", "other")
    assert entry("star1", columns={"response": None}, traces=None).settings["columns"] == {
        "prompt": "question",
        "category": "category",
    }


def test_a_path_takes_the_settings_of_the_publishers_file():
    hub, file = entry("strongreject"), entry("strongreject", path="rows.csv")
    assert (hub.settings["columns"]["prompt"], file.settings["columns"]["prompt"]) == ("prompt", "forbidden_prompt")
    assert "hub" not in file.settings and "sha256" not in hub.settings and len(file.settings["sha256"]) == 64
    assert "sha256" not in entry("strongreject", path="rows.csv", sha256=None).settings
    # a set without a file of its publisher has the columns of the hub in a file, too
    assert entry("safechain", path="rows.parquet").settings["columns"]["prompt"] == "instruction"


def test_rows_are_expected_unless_other_rows_are_wanted():
    assert entry("harmbench", path="rows.csv").expected.rows == 400
    assert entry("harmbench").expected.rows == 200
    assert entry("gsm8k", split="train").expected.rows is None
    whole = {"preset": "gsm8k", "expected": {"rows": 7.0}}
    assert DatasetEntry.model_validate(whole).expected.model_dump() == {
        "rows": 7.0,
        "prompt_tokens": 65.0,
        "response_tokens": 800.0,
    }


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValidationError, match="no preset `star2`; there are star1, "):
        entry("star2")


def test_what_a_preset_does_not_know_is_refused_with_the_command_that_fills_it_in(tmp_path):
    said = r"datasets.x: the preset `star_benign_915` does not know \['columns.prompt', 'columns.response'\]"
    with pytest.raises(SafeLRMError, match=said) as caught:
        study(tmp_path, x={"preset": "star_benign_915"})
    assert "python -m safelrm revisions study.yaml" in caught.value.fix
    given = {"columns": {"prompt": "q", "response": "a"}}
    assert study(tmp_path, x={"preset": "star_benign_915", "settings": given}).datasets["x"].settings["columns"]
    with pytest.raises(SafeLRMError, match=r"the preset `bbh` needs `settings\.hub_config`"):
        study(tmp_path, x={"preset": "bbh"})
    with pytest.raises(SafeLRMError, match="the preset `harmbench_val` reads the publisher's file"):
        study(tmp_path, x={"preset": "harmbench_val"})


@needs_real_data
@pytest.mark.parametrize("name", FILES)
def test_publishers_files_have_the_rows_that_their_publishers_count(name):
    file, read, kept = FILES[name]
    found = entry(name, path=str(Path(os.environ["SAFELRM_REAL_DATA"]) / file))
    module = importlib.import_module(found.source)
    rows, account = module.accounted(module.Settings.model_validate(found.settings))
    assert (account.read, account.kept, len(rows)) == (read, kept, kept)
    assert data_presets()[name].rows == read
    assert sum(map(len, account.left_out.values())) == read - kept


@needs_real_data
def test_every_file_of_real_data_has_a_preset():
    found = {path.name for path in Path(os.environ["SAFELRM_REAL_DATA"]).iterdir()} - {"PROVENANCE.md"}
    assert found == {file for file, _, _ in FILES.values()}
