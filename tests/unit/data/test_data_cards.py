"""Cards of data sets: what they say, that they hold no text of a row, and that the hub reads them."""

import json

import pandas as pd
import pytest
import yaml
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from safelrm.core.errors import SafeLRMError
from safelrm.data import contamination, data_cards, refine
from safelrm.data.lengths import length_rows, token_counter
from safelrm.data.schemas import CONVERSATIONS, PROMPTS


@pytest.fixture
def tokenizer(tmp_path):
    """A tokenizer of words and question marks. It says that it pads texts, and cuts them, which counts must not do."""
    made = Tokenizer(WordLevel({"[UNK]": 0, "why": 1, "?": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.enable_padding()
    made.enable_truncation(2)
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_lengths_are_counted_in_words_and_in_tokens(tokenizer):
    frame = pd.DataFrame({"prompt": ["why?", "why why ?"], "response": ["<think>a b</think> c", "d"]})
    rows = {
        (row["part"], row["unit"]): row
        for row in length_rows({"d": frame}, {"words": lambda texts: [1] * len(texts), "m": token_counter(tokenizer)})
    }
    # the question mark is a token of its own
    assert [rows["prompt", "m"][key] for key in ("rows", "mean", "p50", "max", "total")] == [2, 2.5, 2.5, 3, 5]
    assert [rows["prompt", "words"][key] for key in ("mean", "max")] == [1, 1]
    assert [rows["thought", "m"][key] for key in ("rows", "mean", "p99")] == [1, 2, 2]
    assert [rows["answer", "m"][key] for key in ("rows", "max")] == [2, 1]


def test_sets_without_a_part_have_no_lengths_of_it(tokenizer):
    frame = pd.DataFrame({"prompt": ["why"], "response": ["never thought"]})
    rows = {row["part"]: row for row in length_rows({"d": frame}, {"m": token_counter(tokenizer)})}
    assert rows["thought"]["rows"] == 0 and rows["thought"]["mean"] is None
    assert [*length_rows({"d": frame[["prompt"]]}, {"m": token_counter(tokenizer)})][-1]["part"] == "prompt"


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(SafeLRMError, match=r"tokenizer\.json: no tokenizer can be loaded"):
        token_counter(tmp_path / "tokenizer.json")


@pytest.fixture
def written(tmp_path, monkeypatch, tokenizer):
    """The cards of a set, and of one made from it; their texts are secret."""
    rows = pd.DataFrame({"prompt_id": ["p0", "p1", "p2"], "prompt": ["secret one two", "secret one two", "hidden"]})
    rows = rows.assign(kind="harmful", category="a|b\n<i>", response="<think>veiled</think> so")
    CONVERSATIONS.write(tmp_path / "sft.parquet", rows)
    bench = pd.DataFrame({"prompt_id": ["q"], "prompt": ["secret one two"], "kind": "benign", "category": "c"})
    PROMPTS.write(tmp_path / "bench.parquet", bench.assign(reference=None))

    def run_stage(stage, *arguments: object) -> None:
        monkeypatch.setattr("sys.argv", ["stage", *map(str, arguments)])
        stage.main()

    settings = json.dumps({"dataset": "sft", "duplicates": "exact"})
    clean = ["--dataset", tmp_path / "sft.parquet", "--output-table", tmp_path / "clean.parquet"]
    run_stage(refine, "--settings", settings, *clean, "--output-dropped", tmp_path / "clean.csv")
    data = [f"{name}={tmp_path}/{name}.parquet" for name in ("sft", "bench", "clean")]
    shares = tmp_path / "shares.csv"
    run_stage(contamination, "--data", *data, "--output-matches", tmp_path / "m.csv", "--output-shares", shares)
    facts = {
        "sft": {"source": "some.source", "licence": "MIT", "title": "A set", "settings": {"sha256": "f" * 64}},
        "bench": {"source": "some.source", "licence": "its own", "settings": {"hub": "a/b", "revision": "0" * 40}},
        "clean": {"source": "safelrm.data.refine"},
    }
    rows, patterns = tmp_path / "rows.csv", tmp_path / "risky_patterns.csv"
    rows.write_text("dataset,read,outcome,rows,numbers\nsft,5,kept,3,\nsft,5,no answer,2,4-5\n")
    head = "judge,distillation,samples,flag,part,n,unscored,value,low,high,lowest,highest\n"
    lines = ("j,own,all,inconsistency,t+y,90,1,0.5,0.4,0.6,,", "j,own,sft,inconsistency,t+y,40,0,0.25,0.1,0.4,,")
    patterns.write_text(head + "\n".join([*lines, "j,other,all,inconsistency,t+y,90,1,0.9,0.8,1.0,,"]))
    outputs = [tmp_path / "cards" / f"{name}.md" for name in facts]
    more = [
        "--dropped",
        f"clean={tmp_path}/clean.csv",
        "--tokenizers",
        f"nano={tokenizer}",
        "--tables",
        shares,
        rows,
        patterns,
    ]
    ends = ["--output-lengths", tmp_path / "lengths.csv", "--output-cards", *outputs]
    run_stage(data_cards, "--settings", json.dumps({"datasets": facts}), "--data", *data, *more, *ends)
    return {path.stem: path.read_text() for path in outputs}


def test_a_card_says_what_is_in_a_set_and_what_it_repeats(written):
    head, body = written["sft"].split("---\n")[1:3]
    assert yaml.safe_load(head) == {
        "license": "mit",
        "pretty_name": "A set",
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "tags": ["safelrm", "safety", "harmful"],
    }
    assert "- Licence: MIT." in body and f"`{'f' * 64}`" in body
    assert "|harmful|a\\|b &lt;i>|3|" in body
    assert "|bench|exact|2|0.6667|" in body and "|sft|exact|1|0.3333|" in body
    assert "5 rows of the file:" in body and "|no answer|2|" in body
    assert "|inconsistency|j|all|90|1|0.5|0.4|0.6|\n|inconsistency|j|sft|40|0|0.25|0.1|0.4|\n" in body
    assert "0.9" not in body and "Risky patterns" not in written["clean"]
    assert "|thought|nano|3|1|" in body and "|ok|3|1|" in body


def test_a_card_counts_what_was_dropped_and_names_the_hub(written):
    assert "3 rows = 2 kept + 1 dropped:" in written["clean"] and "|duplicate|sft|exact|1|" in written["clean"]
    head, body = written["bench"].split("---\n")[1:3]
    assert yaml.safe_load(head)["license"] == "other"
    assert yaml.safe_load(head)["source_datasets"] == ["extended|a/b"]
    assert f"- From the hub: `a/b`, revision `{'0' * 40}`." in body and "Traces" not in body


def test_no_card_holds_a_text_of_a_row(written):
    assert not any(word in text for text in written.values() for word in ("secret", "hidden", "veiled"))


def test_a_card_names_the_most_frequent_categories():
    names = [f"c{place}" for place in range(50)]
    rows = pd.DataFrame({"prompt": names, "kind": "benign", "category": names})
    most = pd.DataFrame({"prompt": ["x", "y"], "kind": "benign", "category": "many"})
    said = data_cards._rows("d", pd.concat([rows, most]), {})
    assert said.startswith("|kind|category|rows|\n|-|-|-|\n|benign|many|2|\n")
    assert said.endswith("11 more categories have 11 rows.\n")
