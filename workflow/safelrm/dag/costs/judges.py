"""What jobs that judge texts need, estimated before they run."""

from collections.abc import Callable, Sequence
from functools import partial

from safelrm.dag.costs.endpoints import endpoint_use
from safelrm.dag.costs.making import classified
from safelrm.dag.costs.processors import GIB, Job, Processor, fewest_gpus
from safelrm.dag.costs.sizes import SizedModel, Texts, table_bytes
from safelrm.dag.judge_entries import JudgeEntry
from safelrm.dag.settings import Study
from safelrm.data.schemas import KINDS
from safelrm.judging.settings import ChatJudgeSettings, GuardJudgeSettings

OfKinds = Callable[[Sequence[str]], Texts]


class JudgeEstimates:
    """What the judges of a study need.

    Args:
        study: the study.
        on: what its jobs run on.
        cores: cores of a job on a CPU.
        sized: gives the size of a model of a section by its name.
    """

    def __init__(self, study: Study, on: Processor, cores: int, sized: Callable[[str, str], SizedModel]) -> None:
        self.study, self._on, self._cores, self._sized = study, on, cores, sized

    def job(self, entry: JudgeEntry, of_kinds: OfKinds) -> Job:
        """The verdicts of a judge.

        Args:
            entry: the judge.
            of_kinds: the texts on prompts of some kinds.

        Raises:
            SafeLRMError: its model does not fit into the GPUs that the study describes, or its size is not known yet.
        """
        tables = table_bytes(of_kinds(KINDS))
        if entry.model is not None:
            return self._chat(entry, of_kinds, tables)
        if entry.settings.get("endpoint"):
            of = ChatJudgeSettings.model_construct(**entry.settings)
            use = endpoint_use(entry.settings, of_kinds(of.kinds), len(of.parts))
            return Job(use.seconds, GIB + tables, asks=use)
        if entry.guard is None:
            return classified(of_kinds(KINDS).rows, tables) if entry.classifier else Job(1.0, GIB + tables)
        return self._guard(entry, entry.guard, of_kinds, tables)

    def _guard(self, entry: JudgeEntry, name: str, of_kinds: OfKinds, tables: float) -> Job:
        """The verdicts of a judge that asks a guard of the study."""
        guard, how = self._sized("guards", name), self.study.guards[name].reading
        longest = how.max_length + how.max_tokens - 1
        chosen, execution = GuardJudgeSettings.model_construct(**entry.settings), self.study.execution
        asked, dtype = of_kinds(chosen.kinds), chosen.dtype
        need = partial(self._on.engine_bytes, guard, longest, dtype)
        fit = fewest_gpus(need, execution, guard, f"guards.{name}", execution.gpus_per_node)
        # the trace, the answer and both, each with the prompt
        tokens = asked.rows * min(3 * asked.prompt + 2 * asked.response, 3 * longest)
        reading = self._on.forward_seconds(guard, tokens, dtype, fit.gpus)
        if how.max_tokens > 1:
            rows = max(3 * asked.rows, 1.0)
            writing = Texts(rows, tokens / rows, how.max_tokens / 2)
            reading = self._on.generating_seconds(guard, writing, dtype, fit.gpus)
        return fit.job(self._on.engine_start + reading / self._cores, host=tables + (self._cores - 1) * fit.used)

    def _chat(self, entry: JudgeEntry, of_kinds: OfKinds, tables: float) -> Job:
        """The verdicts of a judge that asks a chat model of the study. Another module may lack some of its settings."""
        chosen = ChatJudgeSettings.model_construct(**entry.settings)
        section = "guards" if entry.model in self.study.guards else "models"
        judging, dtype = self._sized(section, entry.model), chosen.dtype
        of_kind, limit = of_kinds(chosen.kinds), chosen.max_tokens / 2
        # the question holds the prompt and, mostly, an answer
        asked = Texts(of_kind.rows * len(chosen.parts), of_kind.prompt + of_kind.response, limit)
        need = partial(self._on.engine_bytes, judging, chosen.max_model_length, dtype)
        execution = self.study.execution
        fit = fewest_gpus(need, execution, judging, "judges", execution.gpus_per_node)
        seconds = self._on.generating_seconds(judging, asked, dtype, fit.gpus)
        return fit.job(self._on.engine_start + seconds, host=tables)
