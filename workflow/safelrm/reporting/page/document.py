"""The HTML file of a report: one page without a network, a policy that allows nothing else, and packed data.

Everything that comes from data is text to the template, which escapes it, or lies in packed JSON, which the scripts put
into the page as text.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from safelrm.reporting.page.packed import packed

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("unpack", "images", "tables", "provenance", "transcripts", "rollout", "labels", "main")


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        id: its anchor.
        title: its heading.
        html: its content, which is escaped already.
    """

    id: str
    title: str
    html: Markup


def assets() -> list[Path]:
    """The files that a report is made with."""
    return sorted(ASSETS.iterdir())


def template(name: str) -> Environment:
    """A template of the page's assets; it escapes what it is given."""
    loader = FileSystemLoader(ASSETS)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template(name)


def document(title: str, about: str, sections: Sequence[Section], data: Mapping[str, object]) -> str:
    """A whole HTML page.

    Args:
        title: its title.
        about: a sentence below it.
        sections: its parts, in order.
        data: values of JSON by the id under which scripts find them.
    """
    script = "\n".join((ASSETS / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return template("report.html.j2").render(
        title=title,
        about=about,
        sections=sections,
        policy=_policy(script),
        style=Markup((ASSETS / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        data={name: Markup(packed(value)) for name, value in data.items()},
    )


def _policy(script: str) -> str:
    """The content security policy: nothing is loaded, and only this script runs."""
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{known}'; style-src 'unsafe-inline'; img-src blob: data:;"
        " base-uri 'none'; form-action 'none'"
    )
