"""What the plans of all families of stages share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel

from safelrm.core.files import canonical_json
from safelrm.dag.codehash import code_hash
from safelrm.dag.environment import PINNED
from safelrm.dag.registry import top_level_names
from safelrm.dag.roots import ROOT
from safelrm.dag.settings import Study

Wildcards = Mapping[str, str]


@dataclass(frozen=True)
class Stages:
    """What the rules of one family of stages ask of a study.

    A method that takes wildcards is a function of a rule: Snakemake calls it for each job.
    """

    study: Study

    def code(self, *modules: str) -> str:
        """The code hash of a job: of its stage, of the modules that the configuration selects, of its environment."""
        return _code(self.study.lock, self.study.instruction_set, *modules)

    def told(self, model: type[BaseModel], **more: object) -> str:
        """The settings of a stage: of the section `metrics`, and of the models, what the stage's own model has.

        Args:
            model: the stage's own model.
            more: what else the stage is told.
        """
        if not self.study.metrics:
            return "{}"
        names = self.study.compared_models()
        modes = [{"name": name, "decodings": [*self.study.models[name].decodings]} for name in names]
        given = dict(self.study.metrics) | {"models": modes} | more
        return settings_json(model(**{key: value for key, value in given.items() if key in model.model_fields}))


def settings_json(settings: BaseModel | None) -> str:
    """Settings as stages take them; `{}` for a section that the study does not have."""
    return "{}" if settings is None else canonical_json(settings.model_dump(mode="json"))


def definitions(module: str, names: tuple[str, ...]) -> list[str]:
    """The given definitions of a module, if it has them, as the code hash takes them."""
    return [f"{module}:{name}" for name in names if name in top_level_names(module)]


@cache
def _code(lock: str, instruction_set: str, *modules: str) -> str:
    found = code_hash("safelrm.dag.environment:job_environment", *modules, lock=ROOT.parent / lock)
    return found if instruction_set == PINNED else f"{found}-{instruction_set}"
