"""What training sees of a conversation in the chat templates of each family, by the trainer itself."""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from family_models import BAR, FAMILIES, R1_DISTILL, write_family
from tiny_model import write_tiny_model
from training_fixtures import TEMPLATE, conversations, run_paths

from safelrm.core.errors import SafeLRMError
from safelrm.models.base import write_model
from safelrm.models.folder import make
from safelrm.models.settings import FolderSettings
from safelrm.training import supervised
from safelrm.training.rendered import RenderedRow, as_recipe, rendered_rows, weightless_policy
from safelrm.training.rendering import IGNORED, trace_prefill
from safelrm.training.settings import SftSettings

# R1-Distill's, Qwen3's, Granite's, Llama's and SmolLM2's
NAMES = ("qwen2", "qwen3", "granite", "llama", "smollm2")
PROMPT, TRACE, ANSWER = "Say how.", "They ask for it.\nIs it bad?", "No."
ROWS = pd.DataFrame(
    [
        {
            "prompt_id": "p0",
            "kind": "harmful",
            "category": "any",
            "prompt": PROMPT,
            "response": f"<think>\n{TRACE}\n</think>\n\n{ANSWER}",
        }
    ]
)


@dataclass(frozen=True)
class Seen:
    """A row as training sees it: what the model is asked, all tokens before the loss, and what it learns."""

    row: RenderedRow
    unlearnt: str
    learnt: str
    prefill: str
    end: str


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    @cache
    def folder(name: str) -> Path:
        """The model folder of a family, with its own template made fit for training."""
        made, family = tmp_path_factory.mktemp(name), FAMILIES[name]
        settings = FolderSettings(chat_template="trainable", template_arguments=family.arguments)
        model, _ = make(settings, {"folder": write_family(made / "published", family)}, 0, made)
        write_model(model, made / "base/manifest.json")
        return made / "base/model"

    return folder


def seen(folder: Path, rows: pd.DataFrame = ROWS, **template: bool) -> Seen:
    policy = weightless_policy(folder)
    (row,) = rendered_rows(rows, policy, as_recipe(500), {"mode": template} if template else {})
    assert row.refusal is None
    decode = policy.tokenizer.decode
    places = [place for place, label in enumerate(row.labels) if label != IGNORED]
    # one stretch, up to an end token
    assert places == list(range(places[0], places[-1] + 1))
    assert row.ids[places[-1]] in policy.stop_ids
    assert all(row.ids[place] == row.labels[place] for place in places)
    learnt, prefill = decode(row.ids[places[0] : places[-1] + 1]), trace_prefill(policy.tokenizer, **template)
    return Seen(row, decode(row.ids[: places[0]]), learnt, prefill, policy.tokenizer.eos_token)


@pytest.mark.parametrize("name", NAMES)
def test_the_target_holds_the_trace_and_the_loss_covers_the_assistant_alone(name, folders):
    found = seen(folders(name))
    assert TRACE in found.learnt and ANSWER in found.learnt
    assert found.learnt == f"<think>\n{TRACE}\n</think>\n\n{ANSWER}{found.end}".removeprefix(found.prefill)
    # the prompt, and what opens the turns, have no loss
    assert PROMPT in found.unlearnt and PROMPT not in found.learnt
    assert TRACE not in found.unlearnt
    assert len(found.row.generated) == found.row.learned
    assert found.row.prompt_tokens == found.row.generated[0]


def test_r1_distill_is_asked_with_an_open_trace(folders):
    found = seen(folders("qwen2"))
    assert found.prefill == "<think>\n" and found.unlearnt.endswith(f"<{BAR}Assistant{BAR}><think>\n")


def test_qwen3_without_thinking_learns_the_answer_after_an_empty_trace(folders):
    found = seen(folders("qwen3"), enable_thinking=False)
    assert found.unlearnt.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert found.learnt == f"{ANSWER}{found.end}"
    assert seen(folders("qwen3"), enable_thinking=True).learnt.startswith("<think>")


def with_template(folder: Path, name: str, template: str) -> Path:
    write_family(folder, replace(FAMILIES[name], template=template))
    return folder


def test_a_template_that_drops_the_trace_is_refused(tmp_path):
    marked = R1_DISTILL.replace("{{ message.content.split", "{% generation %}{{ message.content.split")
    marked = marked.replace("{{ eos_token }}{% endif", "{{ eos_token }}{% endgeneration %}{% endif")
    policy = weightless_policy(with_template(tmp_path / "drops", "qwen2", marked))
    (row,) = rendered_rows(ROWS, policy, as_recipe(500))
    assert "drops the trace" in row.refusal
    assert TRACE not in policy.tokenizer.decode(row.ids)


def test_a_template_without_marks_is_an_error(tmp_path):
    policy = weightless_policy(with_template(tmp_path / "stock", "qwen2", R1_DISTILL))
    with pytest.raises(SafeLRMError, match="does not mark"):
        rendered_rows(ROWS, policy, as_recipe(500))


class _SeenError(Exception):
    """Ends a training before its first step."""


def test_rows_are_those_of_the_training(tmp_path, monkeypatch):
    base, trained = write_tiny_model(tmp_path, chat_template=TEMPLATE), []

    def note(trainer):
        trained.extend(trainer.train_dataset)
        raise _SeenError

    monkeypatch.setattr(supervised, "train_resumably", note)
    recipe = {"dataset": "d", "epochs": 1.0, "batch_size": 2, "learning_rate": 1e-3, "max_length": 64}
    settings = SftSettings.model_validate(recipe)
    with pytest.raises(_SeenError):
        supervised.train(conversations(4), settings, checkpoint=base, seed=0, **run_paths(tmp_path, "run"))
    rows = rendered_rows(conversations(4), weightless_policy(tmp_path / "model"), settings)
    assert [(row.ids, row.labels) for row in rows] == [(one["input_ids"], one["labels"]) for one in trained]
    assert len(rows) == 4


def test_each_row_that_training_would_refuse_is_told_and_the_others_are_rendered(tmp_path):
    write_tiny_model(tmp_path, chat_template=TEMPLATE)
    rows = conversations(4)
    rows.loc[1, "response"] = f"<think> {'w1 ' * 60}</think> w4"
    rows.loc[2, "response"] = "[THINK] w1 [/THINK] w4"
    found = rendered_rows(rows, weightless_policy(tmp_path / "model"), as_recipe(40))
    assert [row.refusal is None for row in found] == [True, False, False, True]
    assert "more than 40" in found[1].refusal and found[1].ids
    assert "trace format" in found[2].refusal and not found[2].ids
    assert [row.prompt_id for row in found] == ["p0", "p1", "p2", "p3"]
    (alone,) = rendered_rows(rows.iloc[2:3], weightless_policy(tmp_path / "model"), as_recipe(40))
    assert alone == found[2]


def test_a_folder_needs_no_weights_but_a_configuration(tmp_path):
    write_tiny_model(tmp_path, chat_template=TEMPLATE)
    folder = tmp_path / "model"
    (folder / "model.safetensors").unlink()
    policy = weightless_policy(folder)
    assert policy.context == 256 and policy.stop_ids == {policy.tokenizer.eos_token_id}
    (folder / "config.json").write_text(json.dumps({}))
    with pytest.raises(SafeLRMError, match="configuration"):
        weightless_policy(folder)
