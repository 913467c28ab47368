"""Rollouts: requests, prompts and tables, and the stage on a real engine, interrupted and whole."""

import json
import re

import pandas as pd
import pytest
from own_process import run_code
from tiny_model import CHAT_TEMPLATE, PREFILLED_TEMPLATE, write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import PROMPTS
from safelrm.generation.requests import RenderedPrompt, plan_requests, render_prompts
from safelrm.generation.rollouts import rollout_table, said_of_states
from safelrm.generation.schemas import ROLLOUTS
from safelrm.generation.settings import RolloutJobSettings
from safelrm.inference.chat import Chat
from safelrm.inference.schemas import COMPLETIONS


def settings(**changes):
    values = {"temperature": 1.0, "max_tokens": 24, "samples": 2, "seed": 3, "dtype": "float32"}
    return RolloutJobSettings(**{**values, "max_model_length": 64, **changes})


def prompts(name, size):
    return pd.DataFrame(
        {
            "prompt_id": [f"{name}{number}" for number in range(size)],
            "kind": "benign",
            "category": "c",
            "prompt": [f"w{number % 40} w{number * 7 % 40}" for number in range(size)],
            "reference": pd.Series([None] * size, dtype=object),
        }
    )


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("arm"), scale=8.0, chat_template=PREFILLED_TEMPLATE)


@pytest.fixture(scope="module")
def chat(manifest):
    return Chat(manifest.parent / "model")


def test_a_request_depends_on_its_own_names_only():
    benchmarks = {"a": prompts("a", 5), "b": prompts("b", 4)}
    both = plan_requests(benchmarks, 1, settings())
    assert len(both) == 18
    assert both["request_seed"].is_unique
    alone = plan_requests({"b": prompts("b", 4)[::-1]}, 1, settings(samples=1))
    key = ["benchmark", "prompt_id", "sample"]
    merged = both.merge(alone, on=key, suffixes=("", "_alone"))
    assert len(merged) == 4
    assert (merged["request_seed"] == merged["request_seed_alone"]).all()
    for other in (plan_requests(benchmarks, 2, settings()), plan_requests(benchmarks, 1, settings(seed=4))):
        assert not set(other["request_seed"]) & set(both["request_seed"])


def test_repeated_greedy_samples_are_refused():
    with pytest.raises(SafeLRMError, match="one sample repeated") as caught:
        plan_requests({"a": prompts("a", 2)}, 0, settings(temperature=0.0))
    assert caught.value.key == "samples"
    assert len(plan_requests({"a": prompts("a", 2)}, 0, settings(temperature=0.0, samples=1))) == 2


@pytest.mark.parametrize(("template", "prefilled"), [(CHAT_TEMPLATE, False), (PREFILLED_TEMPLATE, True)])
def test_a_prefilled_trace_is_seen_in_the_template(tmp_path, template, prefilled):
    plain = Chat(write_tiny_model(tmp_path, chat_template=template).parent / "model")
    (rendered,) = render_prompts(plain, plan_requests({"a": prompts("a", 1)}, 0, settings(samples=1)), settings())
    text = "<|user|> w0 w0 <|end|> <|assistant|>"
    assert rendered.prefilled is prefilled
    assert plain.decode([rendered.token_ids]) == [text + " <think>" if prefilled else text]


MODES = {"thinking": {"template": {}}, "direct": {"template": {"thinking": False}}}
TWO_MODES = CHAT_TEMPLATE + "{% if thinking is defined and not thinking %}<think> </think> {% endif %}"


def test_every_prompt_is_asked_in_every_decoding_mode_of_the_model(tmp_path):
    model = Chat(write_tiny_model(tmp_path, chat_template=TWO_MODES).parent / "model")
    both = settings(samples=1, decodings=MODES)
    requests = plan_requests({"a": prompts("a", 2)}, 0, both)
    assert requests.groupby("decoding")["prompt_id"].apply(list).to_dict() == {
        "direct": ["a0", "a1"],
        "thinking": ["a0", "a1"],
    }
    rendered = render_prompts(model, requests, both)
    endings = [model.decode([prompt.token_ids])[0].endswith("</think>") for prompt in rendered]
    assert endings == (requests["decoding"] == "direct").tolist()
    assert not any(prompt.prefilled for prompt in rendered)


def test_a_prompt_that_leaves_too_little_room_is_named(chat):
    long = prompts("a", 3)
    long.loc[1, "prompt"] = "w1 " * 50
    requests = plan_requests({"a": long}, 0, settings(samples=1))
    with pytest.raises(SafeLRMError, match=r"prompt a1 of a has 54 tokens") as caught:
        render_prompts(chat, requests, settings())
    needed = int(re.search(r"at least (\d+)", caught.value.fix).group(1))
    assert len(render_prompts(chat, requests, settings(max_model_length=needed))) == 3


def test_completions_are_split_and_counted(chat):
    texts = [("w1 w2 </think> 5", "stop"), ("w1 w2 w3", "length"), ("w1", "stop"), ("", "stop")]
    requests = plan_requests({"a": prompts("a", 4)}, 0, settings(samples=1))
    completions = pd.DataFrame(
        {"token_ids": chat.encode([text for text, _ in texts]), "finish_reason": [why for _, why in texts]},
        columns=COMPLETIONS.schema.names,
    )
    rows = rollout_table(chat, requests, [RenderedPrompt([1, 2], True)] * 4, completions)
    assert rows["completion"].tolist() == [text for text, _ in texts]
    assert rows["parse_state"].tolist() == ["ok", "truncated", "no_close", "empty"]
    assert rows["trace_tokens"].tolist() == [2, 3, 1, 0]
    assert rows["completion_tokens"].tolist() == [4, 3, 1, 0]
    assert rows["answer"].tolist()[0] == "5"


def test_the_states_are_said_with_a_warning_of_other_formats():
    states = pd.Series(["ok", "no_close", "ok"])
    assert said_of_states(states, "think") == "traces: ok 2, no_close 1"
    said = said_of_states(pd.Series(["ok", "other_format"]), "think")
    assert "warning: 1 of 2 completions" in said and "`think`" in said and "settings.trace_format" in said


# runs of the stage on one engine, since starting it takes most of the time; a run may be interrupted
DRIVER = """
import functools, json, os, sys
from safelrm.generation import rollouts
rollouts.start_engine = functools.cache(rollouts.start_engine)
complete = rollouts.complete
for arguments, cache, until in json.loads(sys.argv[1]):
    asked = []
    def counting(engine, questions):
        for answer in complete(engine, questions):
            if len(asked) == until:
                raise KeyboardInterrupt
            asked.append(answer)
            yield answer
    rollouts.complete = counting
    os.environ["SNAKEMAKE_OUTPUT_CACHE"] = cache
    sys.argv = ["rollouts", *arguments]
    try:
        rollouts.main()
    except KeyboardInterrupt:
        pass
    print("asked", len(asked))
"""


@pytest.fixture(scope="module")
def runs(manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    # together more tokens than the engine reads in one step
    a, b = (table.assign(prompt=table["prompt"] + " w1 w2 w3" * 36) for table in (prompts("a", 36), prompts("b", 24)))
    for name, table in {"a": a, "b": b, "reversed": b[::-1]}.items():
        PROMPTS.write(folder / f"{name}.parquet", table)
    common = ["--checkpoint", manifest, "--model", "m", "--arm", "base", "--seed", "1"]

    def arguments(output, *benchmarks, **changes):
        tables = [f"{name}={folder / file}.parquet" for name, file in benchmarks]
        chosen = ["--settings", settings(max_model_length=160, **changes).model_dump_json()]
        return [str(part) for part in (*common, *chosen, "--benchmark", *tables, "--output", folder / output)]

    first = arguments("first/m/base/seed1.parquet", ("a", "a"), ("b", "b"))
    second = arguments("second/m/base/seed1.parquet", ("b", "b"), ("a", "a"))
    third = arguments("third/m/base/seed1.parquet", ("b", "reversed"))
    resumed = arguments("resumed/m/base/seed1.parquet", ("a", "a"), ("b", "b"))
    more = arguments("more/m/base/seed1.parquet", ("a", "a"), ("b", "b"), ("c", "b"))
    own = [(first, "1", None), (second, "2", None), (third, "3", None)]
    shared = [(resumed, "4", 42), (resumed, "4", None), (second, "4", None), (more, "4", None)]
    printed = run_code(DRIVER, json.dumps(own + shared), folder=folder).splitlines()
    asked = [int(line.removeprefix("asked ")) for line in printed if line.startswith("asked ")]
    (folder / "asked.json").write_text(json.dumps(asked))
    return folder


def test_an_interrupted_run_generates_the_rest_only_and_ends_in_the_same_bytes(runs):
    # each with an empty store; one store for an interrupted run, the rest, another order, and one more benchmark
    assert json.loads((runs / "asked.json").read_text()) == [120, 120, 48, 42, 78, 0, 48]
    assert (runs / "resumed/m/base/seed1.parquet").read_bytes() == (runs / "first/m/base/seed1.parquet").read_bytes()


def test_rows_of_other_benchmarks_stay_as_they_were(runs):
    rows, more = (ROLLOUTS.read(runs / f"{name}/m/base/seed1.parquet") for name in ("first", "more"))
    pd.testing.assert_frame_equal(more[more["benchmark"] != "c"].reset_index(drop=True), rows)


def test_the_stage_writes_what_the_model_generated(runs, chat):
    rows = ROLLOUTS.read(runs / "first/m/base/seed1.parquet")
    assert rows.groupby("benchmark").size().to_dict() == {"a": 72, "b": 48}
    assert set(rows["finish_reason"]) == {"stop", "length"}
    ended = rows["finish_reason"] == "stop"
    assert (rows.loc[~ended, "completion_tokens"] == 24).all()
    assert (rows.loc[ended, "completion_tokens"] < 24).all()
    # the tags of the trace are kept, the end of the turn is not
    assert rows["completion"].str.contains("</think>").any()
    assert not rows["completion"].str.contains("<|end|>", regex=False).any()
    assert (rows.loc[~ended, "parse_state"] == "truncated").all()
    again = [len(ids) for ids in chat.encode(rows["trace"].fillna("").tolist())]
    assert rows["trace_tokens"].tolist() == again


def test_equal_runs_give_equal_bytes_whatever_the_order_of_benchmarks(runs):
    assert (runs / "first/m/base/seed1.parquet").read_bytes() == (runs / "second/m/base/seed1.parquet").read_bytes()


def test_a_completion_does_not_depend_on_what_else_is_generated(runs):
    key = ["prompt_id", "sample"]
    both = ROLLOUTS.read(runs / "first/m/base/seed1.parquet").query("benchmark == 'b'").set_index(key).sort_index()
    alone = ROLLOUTS.read(runs / "third/m/base/seed1.parquet").set_index(key).sort_index()
    pd.testing.assert_frame_equal(both, alone)
    assert both["completion"].nunique() > 30
