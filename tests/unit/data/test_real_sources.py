"""Every source of real data on its publisher's file."""

import importlib
import os
from pathlib import Path

import pytest
from source_fixtures import load

REAL = {
    "star1": ("star1.json", {}, 1000),
    "lrm_safety_study": ("lrm_safety_study_nocot.json", {}, 1000),
    "strongreject": ("strongreject.csv", {}, 313),
    "advbench": ("advbench50.jsonl", {"prompt_column": "query"}, 50),
    "harmbench": ("harmbench_text_val.csv", {}, 60),
    "xstest": ("xstest_prompts.csv", {"labels": ["safe"]}, 250),
    "xstest_labels": ("xstest_human_labels_gpt4.csv", {}, 450),
    "gsm8k": ("gsm8k_test.jsonl", {}, 1319),
    "math500": ("math500.jsonl", {}, 500),
}


@pytest.mark.skipif("SAFELRM_REAL_DATA" not in os.environ, reason="SAFELRM_REAL_DATA names no folder of real data")
@pytest.mark.parametrize("source", REAL)
def test_real_files(source, tmp_path):
    name, settings, rows = REAL[source]
    module = importlib.import_module(f"safelrm.data.sources.{source}")
    frame = load(source, Path(os.environ["SAFELRM_REAL_DATA"]) / name, **settings)
    module.TABLE.write(tmp_path / "out.parquet", frame)
    assert len(frame) == rows
