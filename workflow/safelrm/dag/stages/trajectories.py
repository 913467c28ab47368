"""Safety trajectories: what a guard says of traces, sentence by sentence."""

from safelrm.analysis.trajectory_settings import TrajectoryJobSettings
from safelrm.dag.paths import guard_manifest, rollouts_file, trajectory_file
from safelrm.dag.stages.common import Stages, Wildcards, settings_json


class TrajectoryStages(Stages):
    """The jobs of `trajectory`."""

    def rollouts(self, wildcards: Wildcards) -> list[str]:
        """The rollouts of every run of a model."""
        return [rollouts_file(*run) for run in self.study.runs() if run[0] == wildcards["model"]]

    def guard(self) -> list[str]:
        """The guard that reads; none if the study reads no trajectories."""
        asked = self.study.trajectories
        return [guard_manifest(asked.guard)] if asked else []

    def settings(self, _: Wildcards) -> str:
        """Which traces are read, how, and how the guard is asked.

        It is a function of wildcards, though of none: the braces in a guard's turns are no wildcards.
        """
        asked = self.study.trajectories
        if asked is None:
            return settings_json(None)
        given = asked.model_dump(exclude={"models"})
        return settings_json(TrajectoryJobSettings(**given, reading=self.study.guards[asked.guard].reading))

    def tables(self) -> list[str]:
        """The trajectories of all models whose traces are read."""
        asked = self.study.trajectories
        return [trajectory_file(self.study.name, model) for model in asked.models] if asked else []
