"""What the command lines share that are about a whole study: they read its configuration as Snakemake was given it."""

import argparse
import json
from collections.abc import Mapping

from safelrm.core.files import canonical_json
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study, read_config


def configured_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser that shows a command's docstring, with the options of `plan_of` already declared."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--configfiles", nargs="+", default=["config.yaml"], help="the configuration files")
    parser.add_argument(
        "--config", type=json.loads, default={}, metavar="JSON", help='what overrides them, such as {"name": "x"}'
    )
    return parser


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan of the study that a command line names.

    Raises:
        SafeLRMError: the configuration cannot be read, or is none of a study.
    """
    config = read_config(options.configfiles, options.config)
    return Plan(load_study(config, ", ".join(map(str, options.configfiles))))


def given_config(overrides: Mapping[str, object]) -> str:
    """The value of `--config` for what Snakemake's own option of that name was given."""
    return canonical_json(dict(overrides))
