"""Min-K% probabilities of data sets under bases, and what these say of the data sets."""

from safelrm.analysis.memorisation_settings import MemorisationJobSettings, MinKSettings
from safelrm.core.files import canonical_json
from safelrm.dag.paths import data_files, min_k_file, named_data_files, result_file, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, settings_json


class MemorisationStages(Stages):
    """The jobs of `min_k` and `memorisation`."""

    def checkpoint(self, wildcards: Wildcards) -> str:
        """The base that reads."""
        return run_manifest(wildcards["model"], "base", 0)

    def data(self, wildcards: Wildcards) -> list[str]:
        """The data sets that a base reads."""
        return data_files(self._read(wildcards))

    def named_data(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these."""
        return named_data_files(self._read(wildcards))

    def members(self, wildcards: Wildcards) -> str:
        """The data sets of which it is known whether the base was trained on them."""
        read = self._read(wildcards)
        return canonical_json({name: member for name, member in read.items() if member is not None})

    def min_k_settings(self) -> str:
        """How Min-K% is taken."""
        asked = dict(self.study.memorisation or {})
        return settings_json(MinKSettings(**{key: asked[key] for key in MinKSettings.model_fields if key in asked}))

    def tables(self) -> list[str]:
        """Min-K% of all texts under all bases."""
        asked = self.study.memorisation
        return [min_k_file(self.study.name, model) for model in asked.models] if asked else []

    def settings(self) -> str:
        """Settings of the command `memorisation`."""
        if self.study.memorisation is None:
            return settings_json(None)
        given: dict[str, object] = {"bootstrap_samples": self.study.memorisation.bootstrap_samples}
        if self.study.metrics:
            given["confidence"] = self.study.metrics.confidence
        return settings_json(MemorisationJobSettings.model_validate(given))

    def targets(self) -> list[str]:
        """What all of them say, if the study measures it."""
        return [result_file(self.study.name, "memorisation.parquet")] if self.study.memorisation else []

    def _read(self, wildcards: Wildcards) -> dict[str, bool | None]:
        return self.study.memorisation.read_by(wildcards["model"]) if self.study.memorisation else {}
