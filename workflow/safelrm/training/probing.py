"""What a training is told of its probes, beside its recipe. The module training/probe.py does them."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from safelrm.core.cli import named_paths, parse_settings
from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import PROMPTS
from safelrm.generation.settings import DecodingMode, TemplateArguments
from safelrm.inference.settings import GuardSettings
from safelrm.training.reward_settings import ProbedPrompts
from safelrm.training.settings import GuardReadings, ModalSettings, TrainingSettings


@dataclass(frozen=True)
class Probing:
    """The run that is probed, and what its probes ask and read.

    Attributes:
        model: name of the base model.
        arm: name of the arm.
        seed: seed of the arm.
        output: the table of the answers, which is written also without probes.
        decoding: the decoding mode in which the policy is asked.
        template: arguments of the chat template in this mode.
        thinks: whether the mode asks for a trace, unless the chat template closes an empty one.
        prompts: rows of PROMPTS by data set.
        guards: manifests of the guards that the training reads, by name.
        readings: how each of them is asked and read.
        inputs: the files that it is read from: manifests of guards, and tables of prompts.
    """

    model: str
    arm: str
    seed: int
    output: Path
    decoding: str
    template: TemplateArguments
    thinks: bool
    prompts: Mapping[str, pd.DataFrame]
    guards: Mapping[str, Path]
    readings: Mapping[str, GuardSettings]
    inputs: Sequence[Path]


def add_probing_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `probing_of` reads, beside the seed."""
    parser.add_argument("--model", required=True, help="name of the base model")
    parser.add_argument("--arm", required=True, help="name of the arm")
    parser.add_argument("--decoding", required=True, help="name of the decoding mode that probes ask in")
    parser.add_argument("--template", default="{}", metavar="JSON", help="arguments of the chat template in this mode")
    parser.add_argument("--guards", nargs="*", default=[], metavar="NAME=PATH", help="guards that the training reads")
    parser.add_argument("--readings", default="{}", metavar="JSON", help="how each of them is asked and read")
    parser.add_argument("--probe-prompts", nargs="*", default=[], metavar="NAME=PATH", help="what probes ask")
    parser.add_argument("--probes", required=True, type=Path, help="table of the answers to probes to write")


def probing_of(options: argparse.Namespace, settings: TrainingSettings) -> Probing:
    """What the command line says of a training's probes.

    Raises:
        SafeLRMError: the command line does not fit the recipe, or a data set has fewer prompts than the recipe wants.
    """
    files = named_paths("--probe-prompts", options.probe_prompts)
    asked = settings.probe.prompts if settings.probe else []
    if [*files] != (names := [one.dataset for one in asked]):
        problem = f"names {[*files]}, but the probes of the recipe ask {names}"
        raise SafeLRMError(problem, file="--probe-prompts", fix="give each data set of the probes once, in their order")
    guards = named_paths("--guards", options.guards)
    without_trace = settings.without_trace if isinstance(settings, ModalSettings) else ()
    return Probing(
        model=options.model,
        arm=options.arm,
        seed=options.seed,
        output=options.probes,
        decoding=options.decoding,
        template=parse_settings(DecodingMode, f'{{"template": {options.template}}}').template,
        thinks=options.decoding not in without_trace,
        prompts={one.dataset: drawn(PROMPTS.read(files[one.dataset]), one) for one in asked},
        guards=guards,
        readings=parse_settings(GuardReadings, options.readings).root,
        inputs=[*guards.values(), *files.values()],
    )


def drawn(prompts: pd.DataFrame, asked: ProbedPrompts) -> pd.DataFrame:
    """The rows of a data set that probes ask, by its name alone. A smaller number of them is a part of a larger one.

    Raises:
        SafeLRMError: there are fewer.
    """
    size = asked.size or len(prompts)
    if size > len(prompts):
        problem = f"probes ask {size} prompts of `{asked.dataset}`, which has {len(prompts)}"
        raise SafeLRMError(problem, key="probe.prompts", fix="ask for fewer, or curate more")
    return prompts.sample(frac=1.0, random_state=derive_seed("probe", asked.dataset)).head(size)
