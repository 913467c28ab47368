"""Plans of a study with judges that ask chat models: one of the study's, and one of an endpoint."""

import re

import pytest

from default_outputs import AFTER_VERDICTS, VALIDATION, after, bases, runs, verdicts
from edits import NEW_CODE, PACKAGE
from workflow_runs import copy_of_checkout, planned, pretend_finished, snakemake

pytestmark = pytest.mark.dag

CHAT = """
  rubric: &rubric
    module: safelrm.judging.chat
    model: nano_i
    may_judge_itself: true
    settings: &asked
      question: "{prompt} {text}"
      fields:
        harm: {verdicts: [harmless, harmful], counts: harmful, direction: lower, pattern: x, values: {x: harmful}}
        tone: {verdicts: [flat, rude], counts: rude, direction: lower, pattern: x, values: {x: rude}}
  hosted:
    <<: *rubric
    model: null
    settings: {<<: *asked, endpoint: {url: "https://api.example.org/v1", model: m}}
"""
MORE = """
  more:
    harm: {judge: rubric.harm, kinds: [harmful]}
    rude: {judge: hosted.tone, kinds: [harmful, benign]}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout in which the study with these judges seems to have run."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("judges") / "safelrm")
    config = folder / "config.yaml"
    text = re.sub(r"^judges:\n", f"judges:{CHAT}", config.read_text(), flags=re.MULTILINE)
    config.write_text(re.sub(r"^metrics:\n", f"metrics:{MORE}", text, flags=re.MULTILINE))
    pretend_finished(folder)
    return folder


def plan_after(folder, old: str, new: str, file: str = "config.yaml") -> set[str]:
    """What an edit makes Snakemake plan."""
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    try:
        return planned(folder)
    finally:
        path.write_text(text)


def test_a_judge_waits_for_the_model_that_it_asks_and_for_no_other(finished):
    made = "results/nano/verdicts/{}/nano_a.parquet"
    for judge, asked in (("rubric", "checkpoints/nano_i/base/seed0/manifest.json"), ("hosted", None)):
        said = snakemake(finished, "-n", "--forceall", "--", made.format(judge)).stdout
        (job,) = re.findall(r"^(?:local)?rule judge:\n((?: .*\n)+)", said, re.MULTILINE)
        found = set(re.findall(r"checkpoints/\S+?manifest\.json", job))
        assert found == ({asked} if asked else set())


def test_another_base_of_the_model_judges_anew(finished):
    corpus = "inputs: {corpus: pretraining_i}\n"
    plan = plan_after(finished, f"{corpus}    seed: 1", f"{corpus}    seed: 99")
    of_its_runs = after(runs("base", ["nano_i"])) | verdicts(["hosted"], ["nano_i"])
    assert plan == bases(["nano_i"]) | of_its_runs | verdicts(["rubric"])


def test_a_change_of_one_judge_lets_no_other_judge_anew(finished):
    assert plan_after(finished, "pattern: x, values: {x: rude}", "pattern: y, values: {y: rude}") == (
        verdicts(["rubric", "hosted"]) | AFTER_VERDICTS
    )
    assert plan_after(finished, "model: m}", "model: n}") == verdicts(["hosted"]) | AFTER_VERDICTS
    refusal = f"{PACKAGE}/judging/refusal.py"
    text = (finished / refusal).read_text()
    assert plan_after(finished, text, NEW_CODE(text), refusal) == verdicts(["refusal"]) | VALIDATION


def test_a_metric_more_judges_nothing_anew(finished):
    line = "    harm: {judge: rubric.harm, kinds: [harmful]}\n"
    assert plan_after(finished, line, f"{line}    tone: {{judge: rubric.tone, kinds: [harmful]}}\n") == AFTER_VERDICTS
