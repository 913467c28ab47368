"""docs/papers.md names what is there: modules, files, links, and the claims of experiments/nano_claims.yaml."""

import re

import yaml

from workflow_runs import ROOT

PAGE = ROOT / "docs/papers.md"
TEXT = PAGE.read_text(encoding="utf-8")
IN_CODE = re.findall(r"`([^`]+)`", TEXT)


def claims_on_the_page() -> set[str]:
    """The claims in the columns *tested as* of the page's tables."""
    found: set[str] = set()
    for table in TEXT.split("\n\n"):
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line[:1] == "|"]
        if lines and "tested as" in lines[0]:
            column = lines[0].index("tested as")
            found |= {name for line in lines[2:] for name in re.findall(r"`([a-z0-9_]+)`", line[column])}
    return found


def test_every_module_that_it_names_is_there():
    modules = [name for name in IN_CODE if name.startswith("safelrm.")]
    assert len(modules) > 20
    assert [name for name in modules if not (ROOT / f"workflow/{name.replace('.', '/')}.py").is_file()] == []


def test_every_file_that_it_names_is_there():
    # results are made
    paths = [name for name in IN_CODE if "/" in name and not name.startswith("results/")]
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)
    assert paths and links
    assert [name for name in paths if not (ROOT / name).is_file()] == []
    assert [link for link in links if not (PAGE.parent / link).is_file()] == []


def test_it_names_every_claim_and_no_other():
    config = yaml.safe_load((ROOT / "experiments/nano_claims.yaml").read_text(encoding="utf-8"))
    assert claims_on_the_page() == {*config["claims"]}


def test_every_line_of_a_table_has_its_columns():
    for table in TEXT.split("\n\n"):
        counts = {line.count("|") for line in table.splitlines() if line.startswith("|")}
        assert len(counts) <= 1, table.splitlines()[0]
