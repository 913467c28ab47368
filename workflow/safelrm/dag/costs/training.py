"""Costs of the jobs that make models: by training, or from a hub."""

import math
from collections.abc import Mapping

from safelrm.dag.costs.hardware import CPU, GIB, LAYER_SECONDS, USABLE, loaded_bytes, moved_seconds
from safelrm.dag.costs.jobs import SMALL_DISK, Job, StudyCosts, nodes_for
from safelrm.dag.costs.sizes import BYTES, FLOAT32, Model, Texts, from_scratch, texts, together
from safelrm.dag.paths import fetched_model
from safelrm.dag.settings import MadeModel
from safelrm.training.settings import RlSettings, TrainingSettings

# float32 weights and AdamW's moments in a saved state; while one is written, the one before is kept
STATE_BYTES, STATES_KEPT = 3 * FLOAT32, 2
NETWORK_BYTES_PER_SECOND = 1e8


class TrainingCosts(StudyCosts):
    """What `fetch_model`, `base`, `guard`, `sft` and `rl` need."""

    def fetch_model(self, wildcards: Mapping[str, str]) -> Job:
        """A download from a hub; how long it takes is up to the network."""
        fetched = next(
            made
            for made, hub in self.from_hub()
            if fetched_model(hub.repo) == f"hub/models/{wildcards['repo']}/manifest.json"
        )
        return Job(CPU.training_start + fetched.stored / NETWORK_BYTES_PER_SECOND, GIB, fetched.stored + SMALL_DISK)

    def base(self, wildcards: Mapping[str, str]) -> Job:
        """A base model, from a hub or from scratch: on a CPU."""
        return self._made(self.model(wildcards), self.study.models[wildcards["model"]])

    def guard_training(self, wildcards: Mapping[str, str]) -> Job:
        """A guard, from a hub or from scratch: on a CPU."""
        return self._made(self.guard(wildcards["guard"]), self.study.guards[wildcards["guard"]])

    def _made(self, made: Model, entry: MadeModel) -> Job:
        if entry.hub:
            return _from_hub(made)
        takes, settings = from_scratch(entry), TrainingSettings()
        # the trained weights and their average
        need = CPU.training_bytes(made.shape, takes.tokens_per_pass, settings, 1) + loaded_bytes(made)
        seconds = CPU.training_start + CPU.training_seconds(made.shape, takes.tokens, takes.steps, settings, 1)
        # a state holds the average, too
        state = (STATE_BYTES + FLOAT32) * made.shape.parameters
        return Job(seconds, need, made.stored + SMALL_DISK, scratch=STATES_KEPT * state)

    def sft(self, wildcards: Mapping[str, str]) -> Job:
        """Supervised fine-tuning of an arm."""
        policy = self.model(wildcards)
        settings = self.study.sft[wildcards["recipe"]]
        data = texts(self.study.datasets[settings.dataset])
        tokens = data.tokens * settings.epochs
        steps = data.rows * settings.epochs / (settings.batch_size * settings.gradient_accumulation)

        def need(gpus: int) -> float:
            rows = sequences(settings.gradient_accumulation, settings.batch_size, gpus)
            return self.on.training_bytes(policy.shape, rows * settings.max_length, settings, gpus)

        gpus, used = self.fit(need, policy, f"sft.{wildcards['recipe']}")
        rows = sequences(settings.gradient_accumulation, settings.batch_size, gpus)
        passes = data.rows * settings.epochs / (rows * gpus)
        seconds = self.on.training_seconds(policy.shape, tokens, passes, settings, gpus)
        return self._trained(policy, seconds, steps, gpus, used)

    def rl(self, wildcards: Mapping[str, str]) -> Job:
        """Reinforcement learning of an arm."""
        policy = self.model(wildcards)
        settings = self.study.rl[wildcards["recipe"]]
        judge = self.guard(settings.guard)
        prompts = together(
            [(texts(self.study.datasets[share.dataset]), share.weight) for share in settings.prompts],
            settings.max_completion_tokens,
        )

        def need(gpus: int) -> float:
            return self._rl_bytes(policy, judge, settings, prompts.prompt, gpus)

        # generation by transformers has one GPU: groups end at different times
        gpus, used = self.fit(need, policy, f"rl.{wildcards['recipe']}", None if settings.vllm else 1)
        seconds = self._rl_seconds(policy, judge, settings, prompts, gpus)
        models = 1 + (settings.kl_coefficient > 0)
        return self._trained(policy, seconds, settings.steps, gpus, used, models=models)

    def _rl_bytes(self, policy: Model, judge: Model, settings: RlSettings, prompt: float, gpus: int) -> float:
        tokens = _rl_sequences(settings, gpus) * (prompt + settings.max_completion_tokens)
        need = self.on.training_bytes(policy.shape, tokens, settings, gpus)
        # the guard is whole on every GPU
        need += judge.shape.parameters * BYTES[settings.guard_dtype]
        if settings.kl_coefficient:
            need += self._reference_bytes(policy, settings, gpus)
        if settings.vllm is None or not self.on.gpu:
            return need
        # every GPU has an engine of its own, with the whole policy
        length = settings.vllm.max_model_length
        engine = self.on.engine_bytes(policy.shape, length, float32=False, gpus=1) - self.on.overhead
        return need + max(settings.vllm.gpu_memory_share * self.on.memory / USABLE, engine)

    def _reference_bytes(self, policy: Model, settings: RlSettings, gpus: int) -> float:
        held = policy.shape.parameters * FLOAT32 / gpus
        if gpus == 1:
            return held
        # TRL shards it as one piece: a pass gathers all of it, in the arithmetic of the pass
        return held + policy.shape.parameters * BYTES[settings.precision]

    def _rl_seconds(self, policy: Model, judge: Model, settings: RlSettings, prompts: Texts, gpus: int) -> float:
        on, size = self.on, policy.shape
        completions = settings.prompts_per_step * settings.group_size
        tokens = completions * (prompts.prompt + prompts.response)
        float32 = settings.precision == "float32"
        # every step waits for its longest completion, taken to be as long as it may
        running, length = completions / gpus, prompts.prompt + prompts.response
        step = on.step_seconds(size, running, length, float32=float32, gpus=1)
        if settings.vllm is None:
            step = max(step, size.layers * LAYER_SECONDS)
        generating = settings.max_completion_tokens * (step + running * on.sample * (settings.vllm is not None))
        reading = on.forward_seconds(judge.shape, tokens, float32=settings.guard_dtype == "float32", gpus=gpus)
        passes = (settings.vllm is not None or settings.iterations > 1) + (settings.kl_coefficient > 0)
        reading += passes * on.forward_seconds(size, tokens, float32=float32, gpus=gpus)
        batches = math.ceil(settings.steps / settings.iterations)
        passes = completions / (_rl_sequences(settings, gpus) * gpus)
        training = on.training_seconds(size, tokens, passes, settings, gpus)
        return batches * (generating + reading) + settings.steps * training

    def _trained(self, policy: Model, seconds: float, steps: float, gpus: int, used: float, *, models: int = 1) -> Job:
        state = STATE_BYTES * policy.shape.parameters
        saves = steps // self.study.execution.checkpoint_every
        moving = moved_seconds(2 * policy.stored + saves * state)
        nodes = nodes_for(gpus, self.study.execution) or 1
        # each process loads the whole model, and the reference model; the first one has it once more when it is saved
        host = loaded_bytes(policy) * (models * (gpus // nodes) + 1)
        return self.placed(
            self.on.training_start + seconds + moving,
            gpus,
            used,
            host=host,
            disk=policy.stored + SMALL_DISK,
            scratch=STATES_KEPT * state if saves else 0.0,
        )


def _copied(fetched: Model) -> Job:
    """A checkpoint from what was fetched: it is read, joined, written and hashed."""
    seconds = CPU.training_start + moved_seconds(4 * fetched.stored)
    return Job(seconds, CPU.overhead + fetched.stored, fetched.stored + SMALL_DISK)


def sequences(passes: int, size: int, gpus: int) -> float:
    """Sequences of a forward pass on one GPU, as training/processes.py shares a step; infinite where it cannot.

    Args:
        passes: forward and backward passes of an optimiser step.
        size: sequences of a pass.
        gpus: GPUs that share them.
    """
    rest = gpus // math.gcd(passes, gpus)
    return math.inf if size % rest else size / rest


def _rl_sequences(settings: RlSettings, gpus: int) -> float:
    size = settings.prompts_per_step * settings.group_size // settings.micro_batches
    return sequences(settings.micro_batches, size, gpus)


def _from_hub(made: Model) -> Job:
    """What was fetched is hashed, read, written as one file and hashed again; the weights are mapped into memory."""
    return Job(CPU.training_start + 4 * moved_seconds(made.stored), made.stored + 2 * GIB, made.stored + SMALL_DISK)
