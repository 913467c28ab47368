"""Claims: what the stage that tests them is given."""

from safelrm.analysis.claims_settings import OF_ANALYSES, ClaimsJobSettings, DeclaredClaim
from safelrm.analysis.layout import BASE
from safelrm.dag.built_in import built_in_arms
from safelrm.dag.paths import result_file
from safelrm.dag.reports import analysis_files
from safelrm.dag.stages.common import Stages


class ClaimStages(Stages):
    """The job of `claims`."""

    def analyses(self) -> list[str]:
        """The trace analyses that claims are about."""
        metrics = [claim.metric for claim in self.study.claims.values()]
        named = [metric.split(".")[1] for metric in metrics if metric.startswith(OF_ANALYSES)]
        return analysis_files(self.study, [*dict.fromkeys(named)])

    def settings(self) -> str:
        """Settings of the command `claims`."""
        declared = [
            DeclaredClaim(name=name, claim=claim, built_in=self._built_in(name))
            for name, claim in self.study.claims.items()
        ]
        origins = {name: self._origin(name) for name in self.study.compared_models()}
        return self.told(ClaimsJobSettings, study=self.study.name, claims=declared, origins=origins)

    def targets(self) -> list[str]:
        """The claims for readers, if the study has any."""
        return [result_file(self.study.name, "claims.md")] if self.study.claims else []

    def _built_in(self, name: str) -> list[str]:
        """The arms of a claim that rules have made what they are.

        These are the arms that are trained on data which rules have written. If a claim is about bases alone, all of
        which the study itself trains, then what they were made of decides it.
        """
        claim = self.study.claims[name]
        arms = list(dict.fromkeys(side.arm for side in claim.sides))
        models = {side.model for side in claim.sides if side.model} | {*claim.models}
        if arms == [BASE] and all(self.study.models[model].factory for model in models):
            return arms
        written = built_in_arms(self.study)
        return [arm for arm in arms if arm in written]

    def _origin(self, model: str) -> str:
        entry = self.study.models[model]
        if entry.hub:
            return entry.hub.repo
        return "trained from scratch here" if entry.factory else f"of the folder {entry.path}"
