"""Rollouts on real engines: several processes of one job, and a model that an intervention edits."""

import json

import pandas as pd
import pytest
from own_process import run_code
from tiny_model import PREFILLED_TEMPLATE, write_tiny_model

# `opposite` turns the last hidden states around: the least probable token becomes the most probable
DRIVER = """
import json, os, sys, types
import pandas as pd
from pathlib import Path
from safelrm.core.settings import Strict
from safelrm.generation.rollouts import generate_rollouts
from safelrm.generation.settings import RolloutJobSettings

class Settings(Strict):
    factor: float

opposite = types.ModuleType("safelrm.opposite")
opposite.Settings = Settings
opposite.edit_model = lambda model, settings: model.model.norm.register_forward_hook(
    lambda norm, given, found: (found[0] * settings.factor, *found[1:])
)
sys.modules[opposite.__name__] = opposite

model, settings, cores, output = sys.argv[1:]
os.environ |= {"SAFELRM_CORES": cores, "SNAKEMAKE_OUTPUT_CACHE": "cache" + output.split(".")[0], "OMP_NUM_THREADS": "1"}
prompts = pd.DataFrame({"prompt_id": [f"p{n}" for n in range(48)], "kind": "benign", "category": "c"})
prompts = prompts.assign(prompt=[f"w{n % 40} w{n * 7 % 40} w3" for n in range(48)], reference=None)
rows = generate_rollouts(Path(model), {"b": prompts}, 1, RolloutJobSettings.model_validate_json(settings))
rows.to_json(output)
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Rows, printed lines and answer folders of runs by their name."""
    folder = tmp_path_factory.mktemp("generated")
    manifest = write_tiny_model(folder / "arm", scale=8.0, chat_template=PREFILLED_TEMPLATE)
    found = {}

    def run(name: str, cores: int, **changes: object):
        given = {"temperature": 1.0, "max_tokens": 24, "seed": 3, "dtype": "float32", "max_model_length": 64}
        said = run_code(
            DRIVER, manifest.parent / "model", json.dumps(given | changes), cores, f"{name}.json", folder=folder
        )
        cache, _, _ = name.partition(".")
        found[name] = (pd.read_json(folder / f"{name}.json"), said, folder / f"cache{cache}")

    edit = {"module": "safelrm.opposite", "settings": {"factor": -1.0}, "code": "0123"}
    run("one", 1)
    run("two", 2)
    run("two.edited", 1, intervention=edit)
    return found


def test_two_processes_give_what_one_gives(generated):
    (one, said, _), (two, said_by_two, _) = generated["one"], generated["two"]
    assert (said.count("engine start"), said_by_two.count("engine start")) == (1, 2)
    pd.testing.assert_frame_equal(one, two)
    assert one["completion"].nunique() > 30


def test_an_edited_model_answers_otherwise_and_its_answers_are_kept_apart(generated):
    (plain, _, _), (edited, said, cache) = generated["two"], generated["two.edited"]
    assert "48 of 48 questions have no answer yet" in said
    assert (edited["completion"] != plain["completion"]).mean() > 0.9
    contexts = [json.loads(path.read_text()) for path in cache.glob("answers/completions/*/context.json")]
    (by,) = [context["edited_by"] for context in contexts if "edited_by" in context]
    assert by == {"module": "safelrm.opposite", "settings": {"factor": -1.0}, "code": "0123"}
    assert len(contexts) == 2
