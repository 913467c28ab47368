"""Command lines about a whole study. They read the configuration as Snakemake does, `--config` included."""

import argparse
import math
from collections.abc import Iterable, Mapping

import yaml

from safelrm.core.cli import command_parser
from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study, read_config


def configured_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument parser of a command about a study. It declares the options of `plan_of`."""
    parser = command_parser(description)
    parser.add_argument("--configfiles", nargs="+", default=["config.yaml"], help="the configuration files")
    parser.add_argument("--config", nargs="*", default=[], metavar="KEY=VALUE", help="values that replace theirs")
    return parser


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan of the study that a command line names.

    Raises:
        SafeLRMError: the configuration cannot be read, or does not describe a study.
    """
    return Plan(load_study(config_of(options), ", ".join(map(str, options.configfiles))))


def config_of(options: argparse.Namespace) -> dict[str, object]:
    """The configuration that a command line names.

    Raises:
        SafeLRMError: it cannot be read.
    """
    return read_config(options.configfiles, configuration(options.config))


def given_config(overrides: Mapping[str, object]) -> list[str]:
    """Values for a command's `--config` that say what Snakemake's `--config` was given."""
    return [f"{key}={_on_one_line(typed(value))}" for key, value in overrides.items()]


def _on_one_line(value: object) -> str:
    # not JSON: YAML takes its 1e-05 for a text
    return yaml.safe_dump(value, default_flow_style=True, width=math.inf, sort_keys=False).strip().removesuffix("\n...")


def typed(value: object) -> object:
    """What Snakemake's `--config` was given, with numbers, booleans and nulls in place of their texts.

    Snakemake reads a single value as YAML does, but leaves every value of a section or a list as text.
    """
    if isinstance(value, Mapping):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if not isinstance(value, str) or not value:
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return read if read is None or isinstance(read, (bool, int, float)) else value


def configuration(entries: Iterable[str]) -> dict[str, object]:
    """A configuration from `key=value` entries. A dot in a key leads into a section. A value is YAML.

    Raises:
        SafeLRMError: an entry has another form, or leads into a key that an earlier entry has set to no section.
    """
    found: dict[str, object] = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        *sections, last = key.split(".")
        if not (equals and all([*sections, last])):
            raise SafeLRMError(f"{entry!r} is not of the form key=value", file="--config", fix="write key=value")
        inner = found
        for section in sections:
            inner = inner.setdefault(section, {})
            if not isinstance(inner, dict):
                raise SafeLRMError(
                    f"{entry!r} leads into `{section}`, which an earlier entry has set to {inner!r}",
                    file="--config",
                    key=key,
                    fix="leave one of the two out",
                )
        try:
            inner[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SafeLRMError(f"{entry!r} is not YAML ({error})", file="--config", key=key, fix="quote it") from None
    return found
