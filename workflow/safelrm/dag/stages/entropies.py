"""Entropies of policies, and of their bases, at the tokens of the policies' own samples."""

from safelrm.analysis.entropy_settings import EntropyJobSettings, EntropyReading
from safelrm.dag.entropies import ENTROPY_TABLES, entropy_files, temperatures
from safelrm.dag.paths import rollouts_file, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, settings_json


class EntropyStages(Stages):
    """The jobs of `entropy`."""

    def checkpoint(self, wildcards: Wildcards) -> str:
        """The policy of a run."""
        return run_manifest(wildcards["model"], wildcards["arm"], wildcards["seed"])

    def base(self, wildcards: Wildcards) -> list[str]:
        """The base of its model; none if the policy is the base."""
        return [] if wildcards["arm"] == "base" else [run_manifest(wildcards["model"], "base", 0)]

    def rollouts(self, wildcards: Wildcards) -> str:
        """The samples of a run."""
        return rollouts_file(wildcards["model"], wildcards["arm"], wildcards["seed"])

    def settings(self, wildcards: Wildcards) -> str:
        """How they are read."""
        asked, model = self.study.entropies, wildcards["model"]
        if asked is None:
            return settings_json(None)
        decodings = self.study.models[model].decodings
        return settings_json(
            EntropyJobSettings(
                **{key: getattr(asked, key) for key in EntropyReading.model_fields},
                temperatures=temperatures(self.study, model),
                decodings={name: mode.template for name, mode in decodings.items()},
            )
        )

    def tables(self) -> list[str]:
        """All that is made of all runs that are read."""
        return [path for table in ENTROPY_TABLES for path in entropy_files(self.study, table)]
