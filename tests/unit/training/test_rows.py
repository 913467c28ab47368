"""The rows of SFT in the decoding modes of a model: a response with its trace, and its answer alone."""

import pandas as pd
import pytest
from tiny_model import write_tiny_model
from training_fixtures import conversations, run_paths, written

from safelrm.core.errors import SafeLRMError
from safelrm.training import supervised
from safelrm.training.modes import modes_of
from safelrm.training.policy import load_policy
from safelrm.training.rows import sft_rows, turns_of
from safelrm.training.settings import SftSettings

# like Qwen3's: the model opens its trace, and a prompt for no trace closes an empty one
GENERATION = "{% if enable_thinking is defined and not enable_thinking %}<think> </think> {% endif %}"
TURN = "<|assistant|> {% generation %}{{ message['content'] }} <|end|> {% endgeneration %}"
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|> {{ message['content'] }} <|end|> {% else %}" + TURN + "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> " + GENERATION + "{% endif %}"
)
# the nano study's: it writes the empty trace before an assistant's turn, too
WRITES_IT = TEMPLATE.replace("<|assistant|> {% generation %}", "<|assistant|> " + GENERATION + "{% generation %}")
TEMPLATES = {"thinking": {"enable_thinking": True}, "answers": {"enable_thinking": False}}
SFT = {"dataset": "d", "epochs": 1.0, "batch_size": 4, "learning_rate": 1e-3, "max_length": 64}


@pytest.fixture(scope="module", params=[TEMPLATE, WRITES_IT], ids=["in prompts", "in turns"])
def base(request, tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), chat_template=request.param, scale=0.2)


def rows(base, table, templates=TEMPLATES, without=()):
    policy = load_policy(base)
    return sft_rows(table, policy, modes_of(policy.tokenizer, templates, without))


def test_each_conversation_is_a_row_in_each_mode(base):
    found = rows(base, conversations(2))
    assert [(row.prompt_id, row.response) for row in found] == [
        ("p0", "<think> w0 w2 w3 </think> w4 w0"),
        ("p1", "<think> w1 w2 w3 </think> w4 w1"),
        ("p0", "w4 w0"),
        ("p1", "w4 w1"),
    ]
    assert turns_of(found)["chat_template_kwargs"] == [*[TEMPLATES["thinking"]] * 2, *[TEMPLATES["answers"]] * 2]


def test_without_modes_rows_are_rendered_as_before(base):
    found = rows(base, conversations(2), {})
    assert [row.prompt_id for row in found] == ["p0", "p1"]
    assert [*turns_of(found)] == ["messages"]


def test_a_mode_that_the_recipe_calls_without_trace_has_answers(base):
    (row,) = rows(base, conversations(1), {"brief": {}}, ["brief"])
    assert (row.before, row.response) == ("", "w4 w0")


def test_what_cannot_be_a_row_is_named(base):
    silent = pd.DataFrame(conversations(1)).assign(response="<think> w1 </think>")
    with pytest.raises(SafeLRMError, match="prompt_id p0") as error:
        rows(base, silent)
    assert error.value.key == "response"
    with pytest.raises(SafeLRMError, match="same arguments") as error:
        turns_of(rows(base, conversations(1), {"thinking": {}, "answers": {"enable_thinking": False}}))
    assert error.value.key == "decodings"


def test_a_model_is_trained_as_it_is_asked_in_each_mode(base, tmp_path, monkeypatch):
    trained = []

    class Watched(supervised.CountingSFTTrainer):
        def compute_loss(self, model, inputs, *args, **kwargs):
            for ids, labels in zip(inputs["input_ids"], inputs["labels"], strict=True):
                learnt = self.processing_class.decode(ids[labels != -100])
                trained.append((self.processing_class.decode(ids).replace("<pad>", "").strip(), learnt))
            return super().compute_loss(model, inputs, *args, **kwargs)

    monkeypatch.setattr(supervised, "CountingSFTTrainer", Watched)
    paths = run_paths(tmp_path, "run")
    settings = SftSettings.model_validate(SFT | {"decodings": [*TEMPLATES]})
    supervised.train(conversations(2), settings, checkpoint=base, seed=0, templates=TEMPLATES, **paths)
    assert written(paths["manifest"])
    texts = sorted(text for text, _ in trained)
    asked = "<|user|> w0 w1 <|end|> <|assistant|>"
    assert texts[:2] == [
        f"{asked} <think> </think> w4 w0 <|end|>",
        f"{asked} <think> w0 w2 w3 </think> w4 w0 <|end|>",
    ]
    assert all("w4" in learnt and learnt.endswith("<|end|>") and "<|user|>" not in learnt for _, learnt in trained)
