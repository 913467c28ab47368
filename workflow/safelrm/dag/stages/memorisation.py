"""Min-K% probabilities of data sets under bases, and what these say of the data sets."""

from safelrm.analysis.memorisation_settings import KnownByModule, MemorisationJobSettings, MinKSettings
from safelrm.core.files import canonical_json
from safelrm.dag.paths import curve_file, data_file, min_k_file, result_file, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, definitions, settings_json
from safelrm.dag.taught import sft_file


class MemorisationStages(Stages):
    """The jobs of `min_k` and `memorisation`."""

    def checkpoint(self, wildcards: Wildcards) -> str:
        """The base that reads."""
        return run_manifest(wildcards["model"], "base", 0)

    def data(self, wildcards: Wildcards) -> list[str]:
        """The data sets that a base reads."""
        return [sft_file(self.study, name) for name in self._read(wildcards)]

    def named_data(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these."""
        return [f"{name}={sft_file(self.study, name)}" for name in self._read(wildcards)]

    def members(self, wildcards: Wildcards) -> str:
        """The data sets of which it is known whether the base was trained on them."""
        read = self._read(wildcards)
        return canonical_json({name: member for name, member in read.items() if member is not None})

    def known_files(self, wildcards: Wildcards) -> list[str]:
        """What the module reads that says what the base was trained on; none without such a module."""
        known = self._known(wildcards)
        return [*known.inputs.values(), known.curve] if known else []

    def known(self, wildcards: Wildcards) -> str:
        """That module, with what it is told; none: an empty text."""
        known = self._known(wildcards)
        return settings_json(known) if known else ""

    def code_of(self, wildcards: Wildcards) -> str:
        """Code hash of `min_k`, with what it uses of that module."""
        known = self._known(wildcards)
        return self.code("safelrm.analysis.min_k", *(definitions(known.module, ("texts",)) if known else []))

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

    def _known(self, wildcards: Wildcards) -> KnownByModule | None:
        asked, model = self.study.memorisation, wildcards["model"]
        known = asked.known.get(model) if asked else None
        if known is None or known.module is None:
            return None
        base = self.study.models[model]
        return KnownByModule(
            module=known.module,
            settings=base.settings,
            inputs={name: data_file(given) for name, given in base.inputs.items()},
            seed=base.seed,
            curve=curve_file(model, "base", 0),
            size=known.size,
        )

    def _read(self, wildcards: Wildcards) -> dict[str, bool | None]:
        return self.study.memorisation.read_by(wildcards["model"]) if self.study.memorisation else {}
