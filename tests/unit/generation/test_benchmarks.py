"""Benchmarks with settings of their own: how their prompts are asked, sampled and attacked."""

import pandas as pd
import pytest
from generation_fixtures import prompts, register, settings
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tiny_model import CHAT_TEMPLATE, write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import PROMPTS
from safelrm.generation.requests import UNSAID, plan_requests, render_prompts
from safelrm.generation.settings import RolloutJobSettings, SamplingSettings
from safelrm.inference.chat import Chat

WITH_SYSTEM = CHAT_TEMPLATE.replace("'<|user|> ' if", "'w39 ' if message['role'] == 'system' else '<|user|> ' if")
TEMPLATE = {"module": "safelrm.generation.attacks.template", "settings": {"text": "w5 {prompt} w6"}}
# as sampling was hashed before there were more values of it
PLAIN = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 24}


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    return Chat(write_tiny_model(tmp_path_factory.mktemp("m"), chat_template=WITH_SYSTEM).parent / "model")


def asked(chat, tables, chosen):
    """Each request with its text and its sampling."""
    requests = plan_requests(tables, 1, chosen)
    rendered = render_prompts(chat, requests, chosen)
    return requests.assign(
        text=chat.decode([prompt.token_ids for prompt in rendered]), sampling=[prompt.sampling for prompt in rendered]
    )


def test_a_benchmark_says_how_its_prompts_are_asked(chat):
    own = {"instruction": "w7", "system": "w8", "max_tokens": 5, "samples": 2}
    tables = {"plain": prompts("a", 1), "own": prompts("a", 1), "both": prompts("a", 1, system="w9")}
    found = asked(chat, tables, settings(benchmarks={"own": own, "both": own})).set_index(["benchmark", "sample"])
    assert found.loc[("plain", 0), "text"] == "<|user|> w0 w0 <|end|> <|assistant|>"
    assert found.loc[("own", 1), "text"] == "w39 w8 <|end|> <|user|> w0 w0 w7 <|end|> <|assistant|>"
    assert found.loc[("both", 0), "text"].startswith("w39 w9")
    assert found.loc[("own", 0), "prompt"] == "w0 w0\n\nw7"
    assert found.loc[("own", 0), "sampling"] == PLAIN | {"max_tokens": 5}
    assert len(found) == 5 and found["request_seed"].is_unique


def test_what_is_not_set_is_not_in_the_sampling_that_the_store_hashes(chat):
    (plain,) = asked(chat, {"a": prompts("a", 1)}, settings())["sampling"]
    assert plain == PLAIN
    chosen = settings(benchmarks={"a": {"sampling": {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}}})
    (off,) = asked(chat, {"a": prompts("a", 1)}, chosen)["sampling"]
    assert off == PLAIN


values = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0.0, 2.0),
        "top_p": st.floats(0.1, 1.0),
        "top_k": st.integers(0, 9),
        "min_p": st.floats(0.0, 1.0),
        "repetition_penalty": st.floats(0.5, 2.0),
    },
)


@given(values, values, values)
def test_the_benchmark_comes_before_the_mode_and_the_mode_before_the_rollouts(everywhere, mode, benchmark):
    chosen = settings(
        **everywhere, decodings={"m": {"sampling": mode}, "n": {}}, benchmarks={"b": {"sampling": benchmark}}
    )
    wanted = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 24, **UNSAID, **everywhere}
    assert chosen.sampling("b", "m").model_dump() == wanted | mode | benchmark
    assert chosen.sampling("b", "n").model_dump() == wanted | benchmark
    assert chosen.sampling("other", "m").model_dump() == wanted | mode


@pytest.mark.parametrize(
    ("key", "value"),
    [("top_p", 0.0), ("top_k", -1), ("top_k", 1.5), ("min_p", 1.1), ("repetition_penalty", 0.0), ("temperature", -0.1)],
)
def test_sampling_out_of_range_is_refused(key, value):
    for place in ({key: value}, {"decodings": {"m": {"sampling": {key: value}}}}):
        with pytest.raises(ValidationError):
            settings(**place)
    with pytest.raises(ValidationError):
        SamplingSettings(**{"temperature": 1.0, "max_tokens": 1, key: value})


def test_samples_are_not_repeated_where_a_benchmark_or_a_mode_is_greedy():
    greedy = {"sampling": {"temperature": 0.0}}
    for place in ({"benchmarks": {"a": greedy}}, {"decodings": {"default": greedy}}):
        with pytest.raises(SafeLRMError, match="one sample repeated") as caught:
            plan_requests({"a": prompts("a", 2)}, 0, settings(samples=2, **place))
        assert caught.value.key == "samples"
        assert len(plan_requests({"a": prompts("a", 2)}, 0, settings(**place))) == 2


def test_an_attack_words_prompts_anew_and_keeps_what_they_are_about(chat):
    tables = {"plain": prompts("a", 2), "attacked": prompts("a", 2), "known": prompts("a", 2, behavior="w1")}
    benchmarks = {name: {"attack": TEMPLATE, "instruction": "w7"} for name in ("attacked", "known")}
    found = asked(chat, tables, settings(benchmarks=benchmarks)).set_index(["benchmark", "prompt_id"])
    assert found.loc[("attacked", "a1"), "prompt"] == "w5 w1 w7 w6\n\nw7"
    assert found.loc[("attacked", "a1"), ["behavior", "attack"]].tolist() == ["w1 w7", "template"]
    assert found.loc[("known", "a1"), "behavior"] == "w1"
    assert found.loc["plain", ["behavior", "attack"]].isna().all(axis=None)
    assert found.loc[("plain", "a1"), "text"] == "<|user|> w1 w7 <|end|> <|assistant|>"


def test_an_attack_draws_the_same_for_every_run_and_its_order_of_rows_does_not_count(monkeypatch):
    def attack(rows, settings, seed):
        return rows.assign(prompt=rows["prompt"] + f" {seed}")[::-1]

    chosen = settings(benchmarks={"a": {"attack": register(monkeypatch, attack=attack)}})
    one, other = (plan_requests({"a": prompts("a", 3), "b": prompts("b", 1)}, seed, chosen) for seed in (1, 2))
    assert one["prompt"].tolist() == other["prompt"].tolist()
    assert one["prompt_id"].tolist() == ["a0", "a1", "a2", "b0"]
    assert one["prompt"].iloc[1].startswith("w1 w7 ")
    assert one["attack"].iloc[0] == "of_a_test"


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda rows, settings, seed: None, "returns NoneType, must return a table"),
        (lambda rows, settings, seed: rows[1:], "1 are lost or new, for example a0"),
        (lambda rows, settings, seed: pd.concat([rows, rows[:1]]), "several rows of prompt a0"),
        (lambda rows, settings, seed: rows.assign(prompt_id=["a0", "x"]), "2 are lost or new"),
        (lambda rows, settings, seed: rows.assign(prompt=[None, "w1"]), "no text for prompt a0"),
        (lambda rows, settings, seed: rows.assign(prompt=[float("nan"), "w1"]), "no text for prompt a0"),
        (lambda rows, settings, seed: rows.assign(prompt=["w1", " "]), "no text for prompt a1"),
        (lambda rows, settings, seed: rows.assign(system=3), "system prompt that is no text for prompt a0"),
        (lambda rows, settings, seed: rows.assign(kind="harmful"), "changes the columns ['kind']"),
        (lambda rows, settings, seed: rows.assign(score=1), "unknown columns ['score']"),
        (lambda rows, settings, seed: rows.drop(columns="kind"), "without the columns ['kind']"),
    ],
)
def test_an_attack_that_returns_other_rows_is_named(attack, said, monkeypatch):
    chosen = settings(benchmarks={"a": {"attack": register(monkeypatch, attack=attack)}})
    with pytest.raises(SafeLRMError) as caught:
        plan_requests({"a": prompts("a", 2)}, 0, chosen)
    assert said in caught.value.problem
    assert caught.value.file == "safelrm.of_a_test" and caught.value.key == "attack" and caught.value.fix


@pytest.mark.parametrize(
    ("attack", "file", "said"),
    [
        (
            {"module": "safelrm.generation.no_such"},
            "safelrm.generation.no_such",
            "there is no such module",
        ),
        ({"module": "safelrm.judging.refusal"}, "safelrm.judging.refusal", "no `attack`"),
        (TEMPLATE | {"settings": {"text": "w1"}}, TEMPLATE["module"], "match pattern"),
        (TEMPLATE | {"settings": {"txt": "{prompt}"}}, TEMPLATE["module"], "Field required"),
    ],
)
def test_a_module_that_is_no_attack_is_named(attack, file, said):
    with pytest.raises(SafeLRMError) as caught:
        plan_requests({"a": prompts("a", 2)}, 0, settings(benchmarks={"a": {"attack": attack}}))
    assert caught.value.file == file and said in str(caught.value)


def test_columns_that_hold_nothing_are_not_written_and_are_read_as_missing(tmp_path):
    PROMPTS.write(tmp_path / "plain.parquet", prompts("a", 2))
    PROMPTS.write(tmp_path / "empty.parquet", prompts("a", 2, behavior=None, system=None, pair=None))
    assert (tmp_path / "plain.parquet").read_bytes() == (tmp_path / "empty.parquet").read_bytes()
    found = PROMPTS.read(tmp_path / "plain.parquet")
    assert found[["behavior", "system", "pair"]].isna().all(axis=None)
    PROMPTS.write(tmp_path / "system.parquet", prompts("a", 2, system=["w1", None]))
    assert PROMPTS.read(tmp_path / "system.parquet")["system"].tolist()[0] == "w1"


def test_settings_of_a_job_survive_json():
    chosen = settings(benchmarks={"a": {"attack": TEMPLATE, "sampling": {"top_k": 5}}})
    assert RolloutJobSettings.model_validate_json(chosen.model_dump_json()) == chosen
