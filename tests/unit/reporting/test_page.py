"""The report's page: what it escapes, what its policy allows, and how findings are filled in."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.reporting.page.document import document
from safelrm.reporting.page.sections import alternatives, findings, markdown, numbers, restructured, section
from safelrm.reporting.page.settings import Finding

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script" and self.found[-1] == ("script", {}):
            self.scripts.append(data)


def test_what_a_model_has_written_makes_no_element():
    data = {"data-texts-0": {"rows": [[EVIL, EVIL]]}}
    parts = [section("transcripts", "Transcripts", held=EVIL, others=[EVIL], shaded=True)]
    found = Elements(document(EVIL, EVIL, parts, data)).found
    assert not [given for tag, given in found if tag == "img" or any(name.startswith("on") for name in given)]
    scripts = [given for tag, given in found if tag == "script"]
    assert scripts == [{"type": "application/octet-stream", "id": "data-texts-0"}, {}]


def test_the_policy_allows_the_page_s_own_script_and_nothing_from_outside():
    page = Elements(document("a", "b", [], {}))
    (policy,) = [given["content"] for tag, given in page.found if given.get("http-equiv") == "Content-Security-Policy"]
    hashed = base64.b64encode(hashlib.sha256("".join(page.scripts).encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}';" in policy and policy.startswith("default-src 'none';")
    assert not re.search(r"unsafe-eval|https?:|script-src[^;]*unsafe-inline|connect-src", policy)
    # no element names an address to load
    assert [given.get("src") or given.get("href") for _, given in page.found if {"src", "href"} & {*given}] == [
        "data:,",
        "#main",
    ]


def test_every_id_is_there_once_and_every_place_that_a_script_fills_is_there():
    names = ("transcripts", "labels", "numbers")
    given = {"transcripts": {"held": "", "others": [], "shaded": False}}
    parts = [section(name, name, **given.get(name, {})) for name in names]
    found = Elements(document("a", "b", parts, {}))
    ids = [given["id"] for _, given in found.found if given.get("id")]
    assert len(ids) == len(set(ids))
    asked = set(re.findall(r'getElementById\("([\w-]+)"\)', "".join(found.scripts)))
    assert asked and asked <= set(ids)


def test_html_in_tables_and_captions_is_text():
    assert "<script>" not in markdown(f"| a |\n| - |\n| {EVIL} |") and "<table>" in markdown("| a |\n| - |\n| b |")
    assert "<script>" not in restructured(EVIL)
    assert "<script>" not in restructured(f".. raw:: html\n\n   {EVIL}")
    assert "root:" not in restructured(".. include:: /etc/passwd")


def test_a_finding_has_its_numbers_its_figure_and_its_caveat():
    given = Finding(says="RL is {gain} safer.", figure="tradeoff", caveat="On <nano> models.")
    html = findings(
        [given], [{"gain": "+0.10 [+0.02, +0.18]"}], {"tradeoff": "\nSafety on ``t``\nby arm. More.\n"}
    ).html
    assert "RL is +0.10 [+0.02, +0.18] safer." in html and "On &lt;nano&gt; models." in html
    assert 'data-image="tradeoff" alt="Safety on t by arm"' in html


@pytest.mark.parametrize(
    ("given", "key"),
    [({"says": "{gain} and {loss}"}, "report.findings[0].says"), ({"figure": "none"}, "report.findings[0].figure")],
)
def test_a_finding_without_its_number_or_figure_is_an_error(given, key):
    finding = Finding(**({"says": "{gain}", "caveat": "c"} | given))
    with pytest.raises(SafeLRMError) as error:
        findings([finding], [{"gain": "1"}], {"tradeoff": "c"})
    assert error.value.key == key and error.value.fix


def test_a_study_without_findings_says_so():
    assert "names no findings" in findings([], [], {}).html


def test_alternatives_are_first_sentences():
    assert alternatives({"a": "One ``x`` thing.\nTwo."}) == {"a": "One x thing"}


def test_a_table_of_numbers_keeps_names_that_look_like_missing_values(tmp_path):
    file = tmp_path / "summary.csv"
    file.write_text("arm,part,value\nNA,t+y,0.5\nbase,,\n")
    (table,) = numbers([file])
    assert table == {
        "name": "summary",
        "columns": ["arm", "part", "value"],
        "numeric": [False, False, True],
        "rows": [["NA", "t+y", 0.5], ["base", None, None]],
    }
