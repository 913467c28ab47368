"""Trace formats: one parser reads them all, loses nothing, and takes no other format's trace for an answer."""

from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import PARSE_STATES, Parsed, parse_any, parse_completion
from safelrm.core.trace_formats import FORMATS, THINK, WRAPPERS, FormatName, TraceFormat, declared, format_of

# found without an import of TRL, which takes seconds
TEMPLATES = Path(find_spec("trl").submodule_search_locations[0]) / "chat_templates"
OWN = TraceFormat("own", ("<plan>",), ("</plan>",))
ALL = [*FORMATS.values(), OWN]
CONTROLS = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>", "<|constrain|>"]
MARKS = [mark for known in ALL for mark in (*known.openings, *known.closings)] + [
    tag for pair in WRAPPERS for tag in pair
]
formats = st.sampled_from(ALL)
noise = st.lists(
    st.sampled_from([*MARKS, *CONTROLS, "assistant", "final", "analysis", " ", "\n", "a", "é", "<", "|>", "think>"])
    | st.text(max_size=3),
    max_size=12,
).map("".join)
LONGEST_MARK, WRAPPED = max(map(len, MARKS)), sum(map(len, (tag for pair in WRAPPERS for tag in pair)))
# texts without marks
plain = st.text(alphabet=st.characters(exclude_characters="<>[]|◁:", codec="utf-8"), max_size=30)


def template(name):
    return (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


def parse(text, name="think", *, prefilled=False, truncated=False):
    return parse_completion(text, prefilled=prefilled, truncated=truncated, trace_format=FORMATS[name])


HARMONY = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>"
CALL = "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("magistral", "[THINK]a[/THINK]b", Parsed("a", "b", "ok")),
        ("magistral", "b", Parsed(None, "b", "no_think")),
        ("magistral", "[THINK]a [THINK] b[/THINK] c [/THINK] d", Parsed("a [THINK] b", "c [/THINK] d", "ok")),
        ("harmony", f"{HARMONY}b<|return|>", Parsed("a", "b", "ok")),
        ("harmony", f"{HARMONY}b", Parsed("a", "b", "ok")),
        ("harmony", "<|channel|>final<|message|>b", Parsed(None, "b", "ok")),
        ("harmony", HARMONY, Parsed("a", None, "empty")),
        ("harmony", "<|channel|>analysis<|message|>a<|end|>", Parsed("a", None, "no_close")),
        ("harmony", f"<|channel|>analysis<|message|>a<|end|>{CALL}", Parsed("a\n\n{}", None, "no_close")),
        ("harmony", f"{CALL}{HARMONY}b", Parsed("{}\n\na", "b", "ok")),
        ("harmony", f"{HARMONY}b<|end|><|channel|>analysis<|message|>c<|end|>d", Parsed("a\n\nc", "b\n\nd", "ok")),
        ("harmony", "b", Parsed(None, "b", "no_think")),
        # a header that is none is text
        (
            "harmony",
            "<|channel|>" + "word " * 30 + "<|message|>b",
            Parsed(None, "word " * 29 + "word\n\nb", "no_think"),
        ),
        ("granite_3_2", "Here's my thought process:\na\nHere is my response:\nb", Parsed("a", "b", "ok")),
        ("granite_3_2", "Here is my response: b", Parsed(None, "Here is my response: b", "no_think")),
        ("granite_3_2", "Here is my thought process: a", Parsed("a", None, "no_close")),
        ("command_a", "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", Parsed("a", "b", "ok")),
        ("reasoning", "<reasoning>a</reasoning><answer>b</answer>", Parsed("a", "b", "ok")),
        ("seed_oss", "<seed:think>a</seed:think>b", Parsed("a", "b", "ok")),
        ("gemma_4", "<|channel>thought\na<channel|>b", Parsed("a", "b", "ok")),
    ],
)
def test_each_format_is_read(name, text, expected):
    assert parse(text, name) == expected


@pytest.mark.parametrize("name", ["think", "magistral", "seed_oss", "reasoning", "harmony"])
def test_a_prefilled_opening_counts(name):
    closing = "<|end|>" + FORMATS[name].closings[0] if name == "harmony" else FORMATS[name].closings[0]
    assert parse(f"a{closing}b", name, prefilled=True) == Parsed("a", "b", "ok")
    assert parse("a", name, prefilled=True) == Parsed("a", None, "no_close")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("think", "[THINK]a[/THINK]b"),
        ("think", "a[/THINK]b"),
        ("think", "[THINK]a"),
        ("think", f"{HARMONY}b"),
        ("think", "<|channel|>final<|message|>b"),
        ("think", "Here is my thought process: a Here is my response: b"),
        ("think", "Well. <reasoning>a</reasoning> b"),
        ("think", "<thinking> a"),
        ("think", "<think></think>[THINK]a[/THINK]b"),
        ("magistral", "<think>a</think>b"),
        ("harmony", "<think>a</think>b"),
        ("harmony", "<|channel|>final<|message|><think>a</think>b"),
        ("reasoning", "a</think>b"),
    ],
)
def test_another_format_is_reported_and_no_answer(name, text):
    assert parse(text, name) == Parsed(None, None, "other_format")
    assert parse(text, name, truncated=True) == Parsed(None, None, "truncated")


def test_the_trace_of_a_truncated_completion_stays():
    assert parse("<think>a</think>[THINK]b", truncated=True) == Parsed("a", None, "truncated")
    assert parse("the mark [/THINK]", prefilled=True, truncated=True) == Parsed("the mark [/THINK]", None, "truncated")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think>b", Parsed("a", "b", "ok")),
        ("<reasoning>a</reasoning><score>3</score>", Parsed("a", "<score>3</score>", "ok")),
        (f"{HARMONY}b", Parsed("a", "b", "ok")),
        ("[THINK]a", Parsed("a", None, "no_close")),
        ("b", Parsed(None, "b", "no_think")),
        ("<think></think>[THINK]a[/THINK]b", Parsed("<think></think>[THINK]a", "b", "ok")),
    ],
)
def test_a_reply_of_an_unknown_model_is_read_in_the_format_that_it_shows(text, expected):
    assert parse_any(text) == expected


def test_the_end_of_another_format_is_seen_in_an_unclosed_trace():
    assert parse("a[/THINK]b", prefilled=True).state == "other_format"
    assert parse("the tag </reasoning>", prefilled=True).state == "no_close"


@pytest.mark.parametrize(
    "text",
    [
        "Here is my response: b",
        "Here is my thought process: a",
        "Write <thinking> before it.",
        "<think>the tags [THINK] and [/THINK]</think> b",
        "<think>a</think> Mistral writes [THINK]a[/THINK].",
        "<p>a</p>",
    ],
)
def test_a_text_may_speak_of_marks(text):
    assert parse(text).state in ("ok", "no_think")


@given(formats, plain, plain)
def test_what_is_written_is_read_back(known, trace, answer):
    parsed = parse_completion(known.written(trace, answer), prefilled=False, trace_format=known)
    assert (parsed.trace or "", parsed.answer or "") == (trace.strip(), answer.strip())
    assert parsed.state == ("ok" if answer.strip() else "empty")


@settings(max_examples=150)
@given(noise, formats, st.booleans(), st.booleans())
def test_any_text_has_a_state_and_is_whole(text, known, prefilled, truncated):
    parsed = parse_completion(text, prefilled=prefilled, truncated=truncated, trace_format=known)
    assert parsed.state in PARSE_STATES
    assert (parsed.state == "truncated") == truncated
    assert (parsed.answer is not None) == (parsed.state in ("ok", "no_think")) or truncated
    if parsed.state in ("no_think", "other_format"):
        assert parsed.trace is None
    shown = len(_letters(parsed.trace)) + len(_letters(parsed.answer))
    if parsed.state == "other_format" or (truncated and parsed.answer is None):
        return
    if known.channels:
        controls = sum(text.count(mark) for mark in CONTROLS)
        assert shown >= len(_letters(text)) - controls * (LONGEST_MARK + 100) - WRAPPED
        assert controls or shown >= len(_letters(text)) - WRAPPED
    else:
        # both parts stand in the text, and no more than an opening, a closing and tags around the answer is dropped
        assert (parsed.trace or "") in text and (parsed.answer or "") in text
        assert shown >= len(_letters(text)) - 2 * LONGEST_MARK - WRAPPED


def _letters(text):
    return "".join((text or "").split())


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_a_completion_that_is_cut_anywhere_shows_no_trace_as_answer(known):
    trace, answer = "some thought, long", "the answer"
    whole = known.written(trace, answer)
    begins, opened = whole.index(answer), whole.index(trace)
    for length in range(len(whole) + 1):
        parsed = parse_completion(whole[:length], prefilled=False, truncated=True, trace_format=known)
        assert parsed.state == "truncated"
        if length > begins:
            assert (parsed.trace, parsed.answer) == (trace, whole[begins:length].strip())
        elif length >= opened:
            assert parsed.answer is None
            assert trace.startswith(parsed.trace or "") or (parsed.trace or "").startswith(trace)


def test_the_names_of_formats_are_those_that_settings_take():
    assert tuple(FORMATS) == get_args(FormatName)
    assert {name: known.name for name, known in FORMATS.items()} == {name: name for name in FORMATS}


@pytest.mark.parametrize(
    ("given_template", "name"),
    [
        (template("gptoss"), "harmony"),
        (template("gemma4"), "gemma_4"),
        (template("deepseek_r1_distill"), "think"),
        (template("qwen3"), "think"),
        (template("llama3"), "think"),
        ("{{ '[THINK]' + message.thinking + '[/THINK]' }}", "magistral"),
        ("Write it after 'Here is my thought process:' … 'Here is my response:'", "granite_3_2"),
        ("<think> … <reasoning>", "think"),
        ("{#- not <|channel|>\n as gpt-oss, nor [THINK] -#}{{ '<think>' }}", "think"),
        ("<reasoning>", "reasoning"),
        ("", "think"),
    ],
)
def test_the_format_is_found_from_the_template(given_template, name):
    assert format_of(given_template).name == name


def test_a_template_may_declare_its_format():
    asked = template("qwen3")
    assert format_of(declared(asked, "magistral")) is FORMATS["magistral"]
    own = format_of(declared(asked, {"open": "<plan>", "close": "</plan>"}))
    assert (own.openings, own.closings) == (("<plan>",), ("</plan>",))
    assert format_of(declared(declared(asked, "harmony"), "think")) is THINK


@pytest.mark.parametrize("said", ['"riddle"', "7", "{", '{"open": "", "close": "x"}', '{"open": "x"}', "[]"])
def test_a_format_that_does_not_exist_is_refused(said):
    with pytest.raises(SafeLRMError) as error:
        format_of(f"{{# trace_format: {said} #}}")
    assert error.value.key == "chat_template"
