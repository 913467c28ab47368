"""Data sets that are made from other data sets, the comparison of all with all, and cards."""

from pathlib import Path

from safelrm.core.files import canonical_json
from safelrm.dag.paths import data_file, data_files, dropped_file, named_data_files, result_file, run_manifest
from safelrm.dag.reports import shown
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.dag.taught import sft_file
from safelrm.data.curation_settings import CardFacts, CardSettings
from safelrm.data.presets import data_presets

# the stage that makes selections, and the table of risky patterns in them
SELECT, PATTERNS = "safelrm.training.select", "risky_patterns"
# a regular expression that nothing matches
NOTHING = "(?!)"


def tokenizer_file(model: str) -> str:
    """The tokenizer of a base."""
    return str(Path(run_manifest(model, "base", 0)).with_name("model") / "tokenizer.json")


class CurationStages(Stages):
    """The jobs of `refine`, `contamination` and `data_cards`."""

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
        return [sft_file(self.study, name) for name in self._compared()]

    def compared_named_files(self) -> list[str]:
        """`name=path` of these sets."""
        return [f"{name}={sft_file(self.study, name)}" for name in self._compared()]

    def card_settings(self, wildcards: Wildcards) -> str:
        """What the configuration says of a set that has a card."""
        name = wildcards["dataset"]
        return settings_json(CardSettings(datasets={name: self._facts(name)}))

    def card_files(self) -> list[str]:
        """The cards of these sets."""
        return [result_file(self.study.name, f"curation/cards/{name}.md") for name in self._compared()]

    def described_file(self, wildcards: Wildcards) -> str:
        """The set that has a card."""
        return sft_file(self.study, wildcards["dataset"])

    def described_dropped(self, wildcards: Wildcards) -> list[str]:
        """What was dropped of it, if it is made from another."""
        return [dropped_file(name) for name in self._refined() if name == wildcards["dataset"]]

    def described_named_dropped(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of this table."""
        return [f"{wildcards['dataset']}={path}" for path in self.described_dropped(wildcards)]

    def tokenizers(self) -> list[str]:
        """The tokenizers of the models that are compared."""
        return [tokenizer_file(name) for name in self._tokenizing()]

    def named_tokenizers(self) -> list[str]:
        """`name=path` of these tokenizers."""
        return [f"{name}={tokenizer_file(name)}" for name in self._tokenizing()]

    def card_tables(self, rows: list[str]) -> list[str]:
        """The tables that cards quote beside those of curation: of the rows of files, and of risky patterns.

        Args:
            rows: the account of the rows of files, if the study has one.
        """
        selected = any(name in self.study.selections for name in self._compared())
        judged = [PATTERNS] if selected and PATTERNS in shown(self.study, self.study.tables) else []
        return [*rows, *(result_file(self.study.name, f"tables/{name}.csv") for name in judged)]

    def targets(self) -> list[str]:
        """The tables and cards of curation, if the study asks for them."""
        names = ["matches", "shares", *(f"lengths/{name}" for name in self._compared())] if self._compared() else []
        return [*(result_file(self.study.name, f"curation/{name}.csv") for name in names), *self.card_files()]

    def _compared(self) -> list[str]:
        return self.study.curation.datasets if self.study.curation else []

    def _tokenizing(self) -> list[str]:
        return self.study.compared_models() if self.study.curation else []

    def _facts(self, name: str) -> CardFacts:
        """What is known of a set. Licence and title are those of the public set that its rows are from."""
        if name in self.study.selections:
            return CardFacts(source=SELECT, settings=self.study.selections[name].model_dump(mode="json"))
        entry, first = self.study.datasets[name], self.study.loaded(name)
        settings = {key: value for key, value in entry.settings.items() if key != "path" and value is not None}
        preset = data_presets()[first.preset] if first.preset else None
        known = {key: getattr(preset, key) for key in ("title", "licence", "warning")} if preset else {}
        return CardFacts(source=entry.source, settings=settings, **known)

    def _refined(self) -> list[str]:
        return [name for name, entry in self.study.datasets.items() if entry.origins]

    def _origins(self, wildcards: Wildcards) -> list[str]:
        return self.study.datasets[wildcards["dataset"]].origins
