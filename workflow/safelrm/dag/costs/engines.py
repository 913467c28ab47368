"""Costs of the jobs that generate and judge."""

import math
from collections.abc import Mapping

from safelrm.dag.costs.hardware import GIB, moved_seconds
from safelrm.dag.costs.jobs import SMALL_DISK, Job, StudyCosts
from safelrm.dag.costs.sizes import Texts, texts, together

# of a rollouts table per token, completion, trace and answer; and of a table in memory, per row and per token
ROLLOUT_BYTES = 10.0
ROW_BYTES, TEXT_BYTES = 3 * 12e3, 50.0
# seconds of a judge without a model: to start, and per rollout
JUDGE_START, JUDGED_SECONDS = 0.6, 3e-5


class EngineCosts(StudyCosts):
    """What `rollouts` and `judge` need."""

    def rollouts(self, wildcards: Mapping[str, str]) -> Job:
        """A run of a model on all benchmarks, in all its decoding modes."""
        policy, settings = self.model(wildcards), self.study.rollouts
        asked = self._asked(policy.name)
        float32 = settings.dtype == "float32"
        longest = settings.max_model_length

        def need(gpus: int) -> float:
            return self.on.engine_bytes(policy.shape, longest, float32=float32, gpus=gpus)

        gpus, used = self.fit(need, policy, "rollouts.max_model_length", self.study.execution.gpus_per_node)
        on, length = self.on, asked.prompt + asked.response
        running = on.running(policy.shape, min(asked.rows, settings.shard_size), length, float32=float32, gpus=gpus)
        seconds = on.generating_seconds(
            policy.shape, asked.rows, asked.prompt, asked.response, running=running, float32=float32, gpus=gpus
        )
        # a shard ends with its longest completion, alone in the end
        tails = math.ceil(asked.rows / settings.shard_size) * (settings.max_tokens - asked.response)
        seconds += tails * on.step_seconds(policy.shape, 1, longest, float32=float32, gpus=gpus)
        seconds += on.engine_start + moved_seconds(policy.stored)
        tables = asked.tokens * TEXT_BYTES + asked.rows * ROW_BYTES
        rollouts = asked.tokens * ROLLOUT_BYTES
        return self.placed(seconds, gpus, used, host=tables, disk=rollouts + SMALL_DISK, scratch=rollouts)

    def judge(self, wildcards: Mapping[str, str]) -> Job:
        """The verdicts of a judge on all runs of a model."""
        entry = self.study.judges[wildcards["judge"]]
        asked = self._asked(wildcards["model"])
        runs = sum(len(arm.seeds) for arm in self.study.arms if arm.model == wildcards["model"])
        tables = runs * (asked.tokens * TEXT_BYTES + asked.rows * ROW_BYTES)
        if entry.guard is None:
            return Job(JUDGE_START + runs * asked.rows * JUDGED_SECONDS, GIB + tables)
        judge = self.guard(entry.guard)
        float32 = entry.settings.get("dtype", "float32") == "float32"
        reading = self.study.guards[entry.guard].reading

        def need(gpus: int) -> float:
            return self.on.engine_bytes(judge.shape, reading.max_length, float32=float32, gpus=gpus)

        gpus, used = self.fit(need, judge, f"guards.{entry.guard}", self.study.execution.gpus_per_node)
        # the trace, the answer and both, each with the prompt
        tokens = runs * asked.rows * min(3 * asked.prompt + 2 * asked.response, 3 * reading.max_length)
        seconds = self.on.forward_seconds(judge.shape, tokens, float32=float32, gpus=gpus)
        seconds += self.on.engine_start + moved_seconds(judge.stored)
        return self.placed(seconds, gpus, used, host=tables, disk=SMALL_DISK + tables / 10)

    def all_rollouts(self) -> tuple[float, float]:
        """Rollouts of the study; and the tokens of its largest run, with those of the prompts."""
        runs = [(self._asked(arm.model), len(arm.seeds)) for arm in self.study.arms]
        return sum(asked.rows * seeds for asked, seeds in runs), max((asked.tokens for asked, _ in runs), default=0.0)

    def _asked(self, name: str) -> Texts:
        """The requests of one run of a model, with the lengths of what it responds."""
        settings = self.study.rollouts
        sets = [texts(self.study.datasets[benchmark]) for benchmark in self.study.benchmarks]
        asked = together([(part, part.rows) for part in sets], settings.max_tokens)
        times = settings.samples * len(self.study.models[name].decodings)
        return Texts(asked.rows * times, asked.prompt, asked.response)
