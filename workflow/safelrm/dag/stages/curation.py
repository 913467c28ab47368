"""Data sets that are made from other data sets, and the comparison of all with all."""

from safelrm.core.files import canonical_json
from safelrm.dag.paths import data_file, data_files, named_data_files, result_file
from safelrm.dag.stages.common import Stages, Wildcards, settings_json

# a regular expression that nothing matches
NOTHING = "(?!)"


class CurationStages(Stages):
    """The jobs of `refine` and `contamination`."""

    def refined(self) -> str:
        """The names of data sets that are made from others, as a regular expression."""
        return "|".join(self._refined()) or NOTHING

    def loaded(self) -> str:
        """The names of the other data sets, as a regular expression."""
        names = self._refined()
        return (rf"(?!(?:{'|'.join(names)})\.)" if names else "") + "[a-z0-9_]+"

    def refined_dataset(self, wildcards: Wildcards) -> str:
        """The data set whose rows a refined one has."""
        return data_file(self._origins(wildcards)[0])

    def refined_overlap(self, wildcards: Wildcards) -> list[str]:
        """The data sets whose rows it must not repeat."""
        return data_files(self._origins(wildcards)[1:])

    def refined_named_overlap(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these sets."""
        return named_data_files(self._origins(wildcards)[1:])

    def refined_settings(self, wildcards: Wildcards) -> str:
        """Settings of a refined data set."""
        return canonical_json(self.study.datasets[wildcards["dataset"]].settings)

    def match_settings(self) -> str:
        """From when two prompts repeat each other."""
        return settings_json(self.study.curation and self.study.curation.matching)

    def compared_files(self) -> list[str]:
        """The data sets that are compared with each other."""
        return data_files(self._compared())

    def compared_named_files(self) -> list[str]:
        """`name=path` of these sets."""
        return named_data_files(self._compared())

    def targets(self) -> list[str]:
        """The tables of curation, if the study asks for them."""
        names = ("matches.csv", "shares.csv") if self.study.curation else ()
        return [result_file(self.study.name, f"curation/{name}") for name in names]

    def _compared(self) -> list[str]:
        return self.study.curation.datasets if self.study.curation else []

    def _refined(self) -> list[str]:
        return [name for name, entry in self.study.datasets.items() if entry.origins]

    def _origins(self, wildcards: Wildcards) -> list[str]:
        return self.study.datasets[wildcards["dataset"]].origins
