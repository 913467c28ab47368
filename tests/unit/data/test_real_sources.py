"""Every data set of experiments/real_data.yaml, on its publisher's file: the rows are always the same."""

import hashlib
import os
from pathlib import Path

import pytest
from source_fixtures import PUBLIC, load, load_public, needs_real_data

# rows, and the start of the SHA-256 of the sorted ids
KNOWN = {
    "advbench50": (50, "dcb8fc513c3f37e3"),
    "gsm8k": (1319, "b8b559d088d48d77"),
    "harmbench": (300, "cf8bc1997a386f2d"),
    "lrm_safety_study_no_cot": (1000, "d1ccd8ed7f561dd9"),
    "math500": (500, "7833f7feef572cb3"),
    "star1_1k": (1000, "e7b75f65d799d956"),
    "strongreject": (313, "42e97e2f418e241f"),
    "xstest": (450, "8bd588cf375538ef"),
    "xstest_gpt4": (450, "dd1f93fe3e9e4105"),
    "xstest_llama2new": (450, "dd1f93fe3e9e4105"),
    "xstest_mistralinstruct": (450, "dd1f93fe3e9e4105"),
}


def test_every_public_data_set_is_known():
    assert KNOWN.keys() == PUBLIC.keys()


@needs_real_data
@pytest.mark.parametrize("name", KNOWN)
def test_rows_of_public_data_sets_do_not_change(name):
    rows = load_public(name)
    ids = "\n".join(sorted(rows.prompt_id))
    assert (len(rows), hashlib.sha256(ids.encode()).hexdigest()[:16]) == KNOWN[name]


@needs_real_data
def test_rows_are_chosen_by_label():
    assert len(load_public("xstest", where={"label": ["safe"]})) == 250
    assert len(load_public("star1_1k", where_not={"source": ["AttaQ", "HarmBench", "TDCRedTeaming"]})) == 944


@needs_real_data
def test_a_data_set_that_no_preset_names_needs_no_code():
    file = Path(os.environ["SAFELRM_REAL_DATA"]) / "coconot_contrast_eval.jsonl"
    columns = {"prompt": "prompt", "id": "id", "category": "subcategory"}
    rows = load("table", file, columns=columns, where={"category": ["Requests with safety concerns"]}, kind="benign")
    assert len(rows) == 149
