"""What registered modules declare is read without an import, and each fault names the module and the fix."""

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.dag import codehash, modules, roots
from safelrm.dag.declarations import (
    declared_caption,
    declared_inputs,
    declared_measures,
    declares_built_in,
    has_something_to_show,
)
from safelrm.reporting.outline import ModelOutline, StudyOutline

MODULE = "safelrm.mine"
KNOWN = ("metrics", "differences")
BASE = ModelOutline("m", frozenset({"base", "sft"}), ("base", "sft-x"), ("default",))
STUDY = StudyOutline(models=(BASE,), benchmarks={})
# an import would fail
HEAD = "import no_such_library\nfrom nowhere import StudyOutline\nLEAST = 2\nCOMPUTED = LEAST + 1\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes the module."""
    monkeypatch.setattr(roots, "ROOT", tmp_path)
    (tmp_path / "safelrm").mkdir()

    def write(text: str) -> None:
        modules.syntax_tree.cache_clear()
        (tmp_path / "safelrm/mine.py").write_text(HEAD + text)

    yield write
    codehash.forget_code()


def fault(read, *arguments: object) -> str:
    with pytest.raises(SafeLRMError) as caught:
        read(MODULE, *arguments)
    assert str(caught.value).startswith(f"{MODULE}: ")
    assert "\n  fix: " in str(caught.value)
    return str(caught.value)


def test_inputs_are_read_without_an_import(module):
    module('INPUTS: tuple[str, ...] = ("differences", "metrics", "metrics")\n')
    assert declared_inputs(MODULE, KNOWN) == ("differences", "metrics")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "INPUTS is no literal"),
        ("INPUTS = tuple(LEAST)\n", "INPUTS is no literal"),
        ('INPUTS = "metrics"\n', "INPUTS is 'metrics'"),
        ("INPUTS = ()\n", "INPUTS is ()"),
        ("INPUTS = (1,)\n", "INPUTS is (1,)"),
        ('INPUTS = ("metrcs",)\n', "there is no input `metrcs` in this study"),
    ],
)
def test_faults_of_inputs(module, text, said):
    module(text)
    assert said in fault(declared_inputs, KNOWN)


def test_a_caption_names_settings_of_the_metrics(module):
    module('CAPTION = """\nSafety is by ``{safety_judge}``: {{0, 1}}.\n"""\n')
    assert declared_caption(MODULE, {"safety_judge": "guard_b"}) == "Safety is by ``guard_b``: {0, 1}."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CAPTION = 7\n", "CAPTION is 7"),
        ('CAPTION = "{judge}"\n', "CAPTION does not fit (KeyError('judge'))"),
        ('CAPTION = "{"\n', "CAPTION does not fit"),
        ('CAPTION = "{0}"\n', "CAPTION does not fit"),
    ],
)
def test_faults_of_captions(module, text, said):
    module(text)
    assert said in fault(declared_caption, {"safety_judge": "guard_b"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MEASURES = {}\n", "MEASURES is {}"),
        ("MEASURES = ['words']\n", "MEASURES is ['words']"),
        ("MEASURES = {'words': {'unit': 'words'}}\n", "description"),
        ("MEASURES = {'words': {'description': 'w', 'unit': 'w', 'direction': 'up'}}\n", "direction"),
        ("MEASURES = {'words': 'words'}\n", "MEASURES"),
        ("MEASURES = {'many words': {'description': 'w', 'unit': 'w'}}\n", "many words"),
    ],
)
def test_faults_of_measures(module, text, said):
    module(text)
    assert said in fault(declared_measures)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("def shown(study):\n    return False\n", False),
        ("def shown(study: StudyOutline) -> bool:\n    return len(study.models) >= LEAST\n", False),
        ('def shown(study):\n    return any("sft" in model.methods for model in study.reasoning_models)\n', True),
    ],
)
def test_shown_runs_by_itself_with_the_literals_of_its_module(module, text, expected):
    module(text)
    assert has_something_to_show(MODULE, STUDY) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def shown(study):\n    return no_such_library.x\n", "`shown` fails (NameError("),
        ("def shown(study):\n    return COMPUTED > 1\n", "`shown` fails (NameError("),
        ("def shown(study):\n    return study.arms\n", "`shown` fails (AttributeError("),
        ("def shown():\n    return True\n", "`shown` fails (TypeError("),
        ("def shown(study):\n    pass\n", "`shown` returned None"),
    ],
)
def test_faults_of_shown(module, text, said):
    module(text)
    assert said in fault(has_something_to_show, STUDY)


def test_the_reference_model_is_not_among_those_that_reason():
    plain = ModelOutline("plain", frozenset({"base"}), ("base",), ("default",))
    assert StudyOutline(models=(BASE, plain), reference_model=plain).reasoning_models == (BASE,)


@pytest.mark.parametrize(("text", "said"), [("", False), ("BUILT_IN = False\n", False), ("BUILT_IN = True\n", True)])
def test_a_source_says_whether_rules_have_written_its_data(module, text, said):
    module(text)
    assert declares_built_in(MODULE) is said


def test_whether_data_are_written_is_a_literal(module):
    module("BUILT_IN = bool(LEAST)\n")
    assert "BUILT_IN is no literal" in fault(declares_built_in)
