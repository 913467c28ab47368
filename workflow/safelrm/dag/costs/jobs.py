"""What each job of a study needs, estimated before it runs: GPUs and memory, time and disk (docs/cost.md)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.candidates import STORED_TOKEN, best_texts, candidates_job, pair_batches
from safelrm.dag.costs.distilling import distill_job, distilled_texts, sft_texts
from safelrm.dag.costs.entropies import entropy_job
from safelrm.dag.costs.judges import JudgeEstimates
from safelrm.dag.costs.making import STATES_BYTES, classifier_job, made_job
from safelrm.dag.costs.memorisation import min_k_job
from safelrm.dag.costs.probes import probe_guard_bytes, probe_seconds
from safelrm.dag.costs.processors import (
    CPU,
    GIB,
    LAYER_SECONDS,
    NOTHING,
    SMALL_DISK,
    Batches,
    Beside,
    Job,
    fewest_gpus,
    processor,
)
from safelrm.dag.costs.sizes import (
    BYTES,
    FLOAT32,
    TOKEN_BYTES,
    SizedModel,
    Texts,
    expected_texts,
    mixed,
    sized_model,
    table_bytes,
)
from safelrm.dag.costs.small import READERS, SMALL
from safelrm.dag.costs.trajectories import trajectory_job
from safelrm.dag.declarations import declared_inputs
from safelrm.dag.paths import fetched_model
from safelrm.dag.reports import OF_ANALYSES
from safelrm.dag.settings import Study
from safelrm.data.schemas import KINDS
from safelrm.training.settings import TrainingSettings

Wildcards = Mapping[str, str]

NETWORK_BYTES_PER_SECOND = 1e8
# of a row of rollouts in memory, without its texts
SHORT_ROW_BYTES = 12e3
# a guess: the most tokens of a labelled completion
LABELLED_TOKENS = 1024.0


class Estimates:
    """What the jobs of a study need, by the rule's name and the job's wildcards.

    Attributes:
        are_complete: whether the sizes of all models are known.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._on = processor(study.execution)
        self._cores = 1 if study.execution.gpu else study.execution.cores_per_job
        self._sizes = {
            (section, name): sized_model(name, entry)
            for section, entries in (("models", study.models), ("guards", study.guards))
            for name, entry in entries.items()
        }
        self._judges = JudgeEstimates(study, self._on, self._cores, self._sized)
        self._estimates: Mapping[str, Callable[[Wildcards], Job]] = {
            "fetch_model": self._fetch_model,
            "base": lambda of: made_job(self._sized("models", of["model"]), study.models[of["model"]]),
            "guard": lambda of: made_job(self._sized("guards", of["guard"]), study.guards[of["guard"]]),
            "candidates": self._candidates,
            "sft": self._sft,
            "dpo": self._dpo,
            "rl": self._rl,
            "classifier": lambda of: classifier_job(study, of["classifier"]),
            "rollouts": self._rollouts,
            "judge": self._judge,
            # of fewer texts: at most as much
            "judge_probes": self._judge,
            "judge_labelled": self._judge_labelled,
            "distill": self._distill,
            "judge_distilled": lambda of: self._judges.job(
                study.judges[of["judge"]], lambda _: distilled_texts(study, of["distillation"])
            ),
            "analyse": self._analyse,
            "min_k": lambda of: min_k_job(study, self._sized("models", of["model"]), self._on),
            "trajectory": lambda of: trajectory_job(study, self._sized, of["model"], self._on, self._cores),
            "entropy": lambda of: entropy_job(study, self._sized("models", of["model"]), self._on),
        }
        self.are_complete = all(self._sizes.values())

    def job(self, rule: str, wildcards: Wildcards) -> Job:
        """What a job needs.

        Raises:
            SafeLRMError: a model does not fit into the GPUs that the study describes, or its size is not known yet.
        """
        return self._small(rule) if rule in SMALL else self._estimates[rule](wildcards)

    def _sized(self, section: str, name: str) -> SizedModel:
        """The size of a model or a guard.

        Raises:
            SafeLRMError: it is not known yet.
        """
        size = self._sizes[section, name]
        if size is None:
            raise SafeLRMError(
                f"the size of {getattr(self.study, section)[name].hub.repo} is in its files, which are not fetched yet",
                key=f"{section}.{name}.hub.shape",
                fix="fetch them first (snakemake --cores 1 fetch_all), or write its shape here",
            )
        return size

    def _small(self, rule: str) -> Job:
        runs = [(self._asked(arm.model), len(arm.seeds)) for arm in self.study.arms if rule in READERS]
        host = (2.0 if rule == "audit" else 1.0) * GIB + SHORT_ROW_BYTES * sum(one.rows * seeds for one, seeds in runs)
        if rule == "samples":
            # the texts of one run at a time
            host += TOKEN_BYTES * max((one.tokens for one, _ in runs), default=0.0)
        return Job(SMALL[rule], host)

    def _fetch_model(self, wildcards: Wildcards) -> Job:
        """A download; the network decides how long it takes."""
        entries = [*self.study.models.items(), *self.study.guards.items()]
        sizes = {fetched_model(entry.hub.repo): sized_model(name, entry) for name, entry in entries if entry.hub}
        size = sizes.get(f"hub/models/{wildcards['repo']}/manifest.json")
        stored = size.stored if size else 0.0
        return Job(CPU.training_start + stored / NETWORK_BYTES_PER_SECOND, GIB, stored + SMALL_DISK)

    def _sft(self, wildcards: Wildcards) -> Job:
        settings = self.study.sft[wildcards["recipe"]]
        if settings.candidates:
            data = best_texts(self.study, settings.candidates)
        else:
            sets = [sft_texts(self.study, name, settings.max_length) for name in settings.datasets]
            weights = [share.weight for share in settings.mixture] or [1.0]
            data = mixed([*zip(sets, weights, strict=True)])
        if settings.size:
            data = replace(data, rows=settings.size)
        data = replace(data, rows=data.rows * max(1, len(settings.decodings)))
        batches = Batches(
            rows=data.rows * settings.epochs,
            tokens=data.tokens * settings.epochs,
            longest=settings.max_length,
            passes=settings.gradient_accumulation,
            size=settings.batch_size,
        )
        return self._trained(f"sft.{wildcards['recipe']}", self._sized("models", wildcards["model"]), settings, batches)

    def _candidates(self, wildcards: Wildcards) -> Job:
        name = wildcards["candidates"]
        guards = [self._sized("guards", guard) for guard in self.study.candidates[name].guards]
        policy = self._sized("models", wildcards["model"])
        return candidates_job(self.study, name, policy, guards, on=self._on, cores=self._cores)

    def _distill(self, wildcards: Wildcards) -> Job:
        name = wildcards["distillation"]
        teacher = self.study.distillations[name].teacher.checkpoint
        policy = self._sized("models", teacher.model) if teacher else None
        return distill_job(self.study, name, policy, on=self._on, cores=self._cores)

    def _dpo(self, wildcards: Wildcards) -> Job:
        settings, on, policy = self.study.dpo[wildcards["recipe"]], self._on, self._sized("models", wildcards["model"])
        batches = pair_batches(self.study, settings)
        beside = Beside(
            lambda gpus: on.reference_bytes(policy, settings.precision, gpus) if settings.has_reference_model else 0.0,
            lambda gpus: on.forward_seconds(policy, batches.tokens, settings.precision, gpus),
            models=1 + settings.has_reference_model,
        )
        return self._trained(f"dpo.{wildcards['recipe']}", policy, settings, batches, beside)

    def _rl(self, wildcards: Wildcards) -> Job:
        settings, on, policy = self.study.rl[wildcards["recipe"]], self._on, self._sized("models", wildcards["model"])
        guards = [self._sized("guards", name) for name in settings.guards]
        limit, vllm = settings.max_completion_tokens, settings.vllm
        shares = [(expected_texts(self.study.datasets[one.dataset], limit), one.weight) for one in settings.prompts]
        prompts, completions = mixed(shares), settings.prompts_per_step * settings.group_size
        rounds = math.ceil(settings.steps / settings.iterations)
        if settings.prompt_filter:
            asked = sum(texts.rows for texts, _ in shares) * max(1, len(settings.decodings))
            rounds += math.ceil(asked * settings.prompt_filter.samples / completions)
        tokens, reference = completions * (prompts.prompt + prompts.response), settings.has_reference_model
        batches = Batches(
            rows=completions * settings.steps,
            tokens=tokens * settings.steps,
            longest=prompts.prompt + limit,
            passes=settings.micro_batches,
            size=completions // settings.micro_batches,
        )

        def held_bytes(gpus: int) -> float:
            # guards are whole on every GPU
            held = sum(guard.shape.parameters for guard in guards) * BYTES[settings.guard_dtype]
            if reference:
                held += on.reference_bytes(policy, settings.precision, gpus)
            if vllm and self.study.execution.gpu:
                # every GPU has an engine of its own, with the whole policy
                least = on.engine_bytes(policy, vllm.max_model_length, "bfloat16", 1) - on.overhead
                held += max(vllm.gpu_memory_share * self.study.execution.gpu.memory_gib * GIB, least)
            return held

        def seconds(gpus: int) -> float:
            running, length = completions / gpus, prompts.prompt + prompts.response
            step = on.step_seconds(policy, running, length, settings.precision, 1)
            step = step + running * on.sample if vllm else max(step, policy.shape.layers * LAYER_SECONDS)
            reads = (vllm is not None or settings.iterations > 1) + (settings.kl_coefficient > 0)
            reading = reads * on.forward_seconds(policy, tokens, settings.precision, gpus)
            reading += sum(on.forward_seconds(guard, tokens, settings.guard_dtype, gpus) for guard in guards)
            # a batch waits for its longest completion, taken to be as long as it may
            return rounds * (limit * step + reading)

        # generation by transformers has one GPU: groups end at different times; so has RL with LoRA (docs/gpu.md)
        most = math.inf if vllm and settings.lora is None else 1
        beside = Beside(held_bytes, seconds, models=1 + reference, most=most)
        return self._trained(f"rl.{wildcards['recipe']}", policy, settings, batches, beside)

    def _trained(
        self, key: str, policy: SizedModel, settings: TrainingSettings, batches: Batches, beside: Beside = NOTHING
    ) -> Job:
        on = self._on

        def need(gpus: int) -> float:
            tokens = batches.sequences(gpus) * batches.longest
            return on.training_bytes(policy, tokens, settings, gpus) + beside.held_bytes(gpus) + guards

        guards = probe_guard_bytes(settings, partial(self._sized, "guards"))
        # a probe needs the whole policy in one process
        fit = fewest_gpus(need, self.study.execution, policy, key, 1 if settings.probe else beside.most)
        seconds = on.training_start + on.training_seconds(policy, batches, settings, fit.gpus)
        seconds += beside.seconds(fit.gpus) + probe_seconds(self.study, settings, policy, on)
        # the first process holds the policy once more when it is saved, and with LoRA also without its updates
        copies = beside.models * (fit.gpus // fit.nodes) + (1 if settings.lora is None else 2)
        host = policy.shape.parameters * FLOAT32 * copies
        states = STATES_BYTES * policy.trained(settings.lora)
        return fit.job(seconds, host=host, disk=policy.stored + SMALL_DISK, scratch=states)

    def _rollouts(self, wildcards: Wildcards) -> Job:
        settings, on, policy = self.study.rollouts, self._on, self._sized("models", wildcards["model"])
        asked, longest, execution = self._asked(policy.name), settings.max_model_length, self.study.execution
        need = partial(on.engine_bytes, policy, longest, settings.dtype)
        fit = fewest_gpus(need, execution, policy, "rollouts.max_model_length", execution.gpus_per_node)
        seconds = on.engine_start + on.generating_seconds(policy, asked, settings.dtype, fit.gpus) / self._cores
        # at the end the longest completion runs alone
        tail = max(entry.max_tokens or settings.max_tokens for entry in self.study.benchmarks) - asked.response
        seconds += tail * on.step_seconds(policy, 1, longest, settings.dtype, fit.gpus)
        stored = asked.tokens * STORED_TOKEN
        host = table_bytes(asked) + (self._cores - 1) * fit.used
        return fit.job(seconds, host=host, disk=stored + SMALL_DISK, scratch=stored)

    def _judge(self, wildcards: Wildcards) -> Job:
        """The verdicts of a judge on all runs of a model."""
        entry, model = self.study.judges[wildcards["judge"]], wildcards["model"]
        runs = sum(len(arm.seeds) for arm in self.study.arms if arm.model == model)
        return self._judges.job(entry, lambda kinds: mixed([(self._asked(model, kinds), 1.0)] * runs))

    def _judge_labelled(self, wildcards: Wildcards) -> Job:
        """The verdicts of a judge on a set of labelled completions."""
        texts = expected_texts(self.study.datasets[wildcards["labelled"]], LABELLED_TOKENS)
        return self._judges.job(self.study.judges[wildcards["judge"]], lambda _: texts)

    def _analyse(self, wildcards: Wildcards) -> Job:
        """What a trace analysis says of all runs of a model, which it may ask each of its checkpoints about."""
        entry, model = self.study.analyses[wildcards["analysis"]], wildcards["model"]
        runs = sum(len(arm.seeds) for arm in self.study.arms if arm.model == model)
        asked = self._asked(model)
        tables = runs * table_bytes(asked)
        if "checkpoints" not in declared_inputs(entry.module, OF_ANALYSES):
            return Job(1.0, GIB + tables)
        settings, policy = self.study.rollouts, self._sized("models", model)
        need = partial(self._on.engine_bytes, policy, settings.max_model_length, settings.dtype)
        fit = fewest_gpus(need, self.study.execution, policy, f"analyses.{wildcards['analysis']}", 1)
        reading = self._on.forward_seconds(policy, runs * asked.tokens, settings.dtype, fit.gpus)
        return fit.job(runs * self._on.engine_start + reading, host=tables)

    def _asked(self, model: str, kinds: Sequence[str] = KINDS) -> Texts:
        """The requests of one run of a model: all benchmarks in all its decoding modes, but those of other kinds.

        A benchmark whose settings name no kind may be of any.
        """
        settings, sets = self.study.rollouts, []
        for benchmark in self.study.benchmarks:
            entry = self.study.datasets[benchmark.dataset]
            if str(entry.settings.get("kind")) not in set(KINDS) - set(kinds):
                one = expected_texts(entry, benchmark.max_tokens or settings.max_tokens)
                sets.append(replace(one, rows=one.rows * (benchmark.samples or settings.samples)))
        asked = mixed([(one, one.rows) for one in sets])
        return replace(asked, rows=asked.rows * len(self.study.models[model].decodings))
