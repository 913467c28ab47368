"""Write the keys of the configuration down: a JSON schema for editors, docs/configuration.md for people.

Both are made from the settings models, and the table of data sets in docs/sources.md from their presets. Run `make
schema` after a change of a model or of these presets; a test fails otherwise.
"""

import importlib
import json
import pkgutil
import textwrap
from pathlib import Path

from pydantic import BaseModel

from safelrm.core.files import write_text
from safelrm.dag.registry import settings_model, top_level_names
from safelrm.dag.roots import PACKAGE, ROOT
from safelrm.dag.settings import Study
from safelrm.data.presets import data_presets

# what a module of a registry offers beside its settings: a source, a judge, a factory, and so on
OFFERS = {"load", "judge", "make", "attack", "intervene", "edit_model", "build", "analyse", "rows", "draw"}
SCHEMA_FILE = ROOT / "schemas" / "config.schema.json"
PAGE = ROOT.parent / "docs" / "configuration.md"
DATA_PAGE = ROOT.parent / "docs" / "sources.md"
UNKNOWN = "not known"
# the lines around the table of data sets
BEGIN, END = "<!-- made by `make schema` -->\n", "<!-- end -->\n"

_HEAD = """# Configuration

This page lists every key of `config.yaml` and of the files in `experiments/`. An unknown or misspelt key is an error.
`${VARIABLE}` in a value stands for a variable of the environment. `own` means that the default is empty, or made of the
defaults of another section. `make schema` writes this page.
"""


def json_schema() -> str:
    """The JSON schema of a study."""
    return json.dumps(Study.model_json_schema(), indent=2, sort_keys=True) + "\n"


def page() -> str:
    """The page that lists the keys of all sections and of all modules that a configuration may name."""
    schema = Study.model_json_schema()
    parts = [_HEAD, _section("Study (top level)", schema)]
    parts += [_section(name, model) for name, model in schema["$defs"].items()]
    parts += ["\n# Modules of the registries\n"]
    modules = {module: settings.model_json_schema() for module, settings in registered()}
    parts += [_section(f"`{module}`", model) for module, model in modules.items()]
    within = {name: model for module in modules.values() for name, model in module.get("$defs", {}).items()}
    parts += ["\n# Parts of these modules' settings\n"]
    parts += [_section(name, model) for name, model in sorted(within.items()) if name not in schema["$defs"]]
    return "".join(parts)


def data_page(text: str) -> str:
    """The page about data sets, with its table of presets made anew."""
    before, _, rest = text.partition(BEGIN)
    return "".join((before, BEGIN, _presets_table(), END, rest.partition(END)[2]))


def _presets_table() -> str:
    """A row for each preset of a data set, and below a line that says what it is."""
    table = ["| preset | role | rows | hub | gated | licence |\n|-|-|-|-|-|-|\n"]
    lines, before = [], None
    for name, preset in data_presets().items():
        rows = UNKNOWN if preset.rows is None else f"{preset.rows:,}"
        on_hub = f" (hub {preset.hub_rows:,})" if preset.hub_rows else ""
        place = f"`{preset.hub['hub']}`" if preset.hub else ""
        gated = {True: "yes", False: "no", None: UNKNOWN}[preset.gated]
        cells = (f"`{name}`", preset.role, rows + on_hub, place, gated, preset.licence or UNKNOWN)
        table.append(f"| {' | '.join(cells)} |\n")
        warning = "" if not preset.warning else " As above." if preset.warning == before else f" {preset.warning}."
        told = f"- `{name}`: {preset.title}.{warning}"
        lines.append(textwrap.fill(told, 118, subsequent_indent="  ", break_on_hyphens=False) + "\n")
        before = preset.warning
    return "".join((*table, "\n", *lines))


def registered() -> list[tuple[str, type[BaseModel]]]:
    """Every module that a configuration may name and that takes settings, with its settings model."""
    package = importlib.import_module(PACKAGE)
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.") if not info.ispkg]
    offered = {name: top_level_names(name) for name in names}
    return [(name, settings_model(name)) for name, found in offered.items() if "Settings" in found and found & OFFERS]


def _section(title: str, schema: dict) -> str:
    lines = [f"\n## {title}\n"]
    if "description" in schema and not title.startswith("Study"):
        lines.append(f"\n{schema['description']}\n")
    if not schema.get("properties"):
        return "".join([*lines, "\nNo settings.\n"])
    lines.append("\n| key | type | default | meaning |\n|-|-|-|-|\n")
    required = schema.get("required", [])
    for key, field in schema["properties"].items():
        default = "required" if key in required else _default(field)
        meaning = field.get("description", "").replace("|", "\\|")
        lines.append(f"| `{key}` | {_type(field)} | {default} | {meaning} |\n")
    return "".join(lines)


def _default(field: dict) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else "own"


def _type(field: dict) -> str:
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object":
        values = field.get("additionalProperties")
        if isinstance(values, dict) or "patternProperties" in field:
            inner = values if isinstance(values, dict) else next(iter(field["patternProperties"].values()))
            return f"map of {_type(inner)}"
    return str(field.get("type", "any"))


def main() -> None:
    """Write both files."""
    data = data_page(DATA_PAGE.read_text(encoding="utf-8"))
    for path, text in ((Path(SCHEMA_FILE), json_schema()), (Path(PAGE), page()), (DATA_PAGE, data)):
        write_text(path, text)


if __name__ == "__main__":
    main()
