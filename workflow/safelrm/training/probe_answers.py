"""What a policy answers to the prompts of probes while it is trained, and how terms of a reward score it.

The answers are generated with transformers in the training process. Random numbers of the training stay as they are, so
a training with probes ends in the same weights as one without.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from transformers import GenerationConfig, PreTrainedModel

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.generation.requests import render_prompts
from safelrm.generation.rollouts import rollout_table
from safelrm.generation.settings import DecodingMode, RolloutJobSettings
from safelrm.inference.chat import Chat, user_turn
from safelrm.inference.schemas import LENGTH, STOP
from safelrm.training.curves import divergence_error
from safelrm.training.modes import modes_of
from safelrm.training.policy import Policy
from safelrm.training.probing import Probing
from safelrm.training.reward_settings import SCORE, SCORED, TOKENS, ProbingSettings, RewardTerm
from safelrm.training.rewards.base import DECODING, SampleReader, TrlReward, build_rewards
from safelrm.training.rewards.guard import RewardGuard

# names in the trainer's log and in the curve begin so
PREFIX = "probe_"
SCORE_METRIC, TOKENS_METRIC = f"{PREFIX}{SCORE}", f"{PREFIX}{TOKENS}"


def mean_metric(name: str) -> str:
    """Name in the curve of the mean of a term, over the answers of a probe that it has scored."""
    return f"{PREFIX}{name}"


def scored_metric(name: str) -> str:
    """Name in the curve of the share of a probe's answers that a term has scored."""
    return f"{PREFIX}{SCORED}{name}"


@contextmanager
def separate_randomness(seed: int) -> Iterator[None]:
    """Random numbers of their own within the block: those of Python, NumPy and torch go on after it as if it were not.

    Args:
        seed: seed of torch's random numbers within the block.
    """
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


class PolicyProbe:
    """Asks a policy the prompts of its probes, and scores what it answers.

    Args:
        policy: the policy at the start of the training.
        settings: the probes.
        probing: the run, and what its probes ask.
        guards: the guards that the terms read, by name.

    Raises:
        SafeLRMError: two data sets share a prompt, or a prompt leaves no room for an answer.
    """

    def __init__(
        self, policy: Policy, settings: ProbingSettings, probing: Probing, guards: Mapping[str, RewardGuard]
    ) -> None:
        self.settings, self.probing = settings, probing
        self._policy, self._chat = policy, Chat(policy.folder)
        # the same random numbers in every probe, so that probes differ by their policies alone
        self.seed = derive_seed("probe", probing.seed)
        asked = pd.concat(probing.prompts.values(), ignore_index=True)
        if (twice := asked["prompt_id"][asked["prompt_id"].duplicated()]).any():
            problem = f"prompt_id {twice.iloc[0]} is in two of {[*probing.prompts]}"
            raise SafeLRMError(problem, key="probe.prompts", fix="let probes ask data sets without common prompts")
        self._requests = asked.assign(
            model=probing.model, arm=probing.arm, seed=probing.seed, decoding=probing.decoding, sample=0
        ).assign(attack=None, request_seed=self.seed, benchmark="")
        self._prompts = render_prompts(self._chat, self._requests, self._job())
        # watched apart from the reward's own readings
        self._guards = {name: RewardGuard(**{**vars(guard), "last": []}) for name, guard in guards.items()}
        modes = modes_of(
            policy.tokenizer,
            {probing.decoding: probing.template},
            without_trace=[] if probing.thinks else [probing.decoding],
        )
        reader = SampleReader(
            policy.tokenizer, policy.stop_ids, prefilled=False, trace_format=self._chat.trace_format, modes=modes
        )
        self._rewards = build_rewards(settings.rewards, self._guards, reader)

    def ask(self, model: PreTrainedModel, step: int) -> tuple[pd.DataFrame, dict[str, float]]:
        """The answers of the policy as rows of ROLLOUTS, and the means and the score of them.

        Args:
            model: the policy now, whose weights this process holds whole.
            step: the step after which it is asked.

        Raises:
            SafeLRMError: a guard can be read on no answer, or the training has diverged.
        """
        with separate_randomness(self.seed):
            try:
                ended = self._completed(model)
            except RuntimeError as error:
                # finite weights may still be so large that the probabilities of tokens are NaN
                if "probability tensor" not in str(error):
                    raise
                raise divergence_error("the distribution that a probe samples from is NaN", step) from error
            scored = [self._scored(*each, ended) for each in zip(self.settings.rewards, self._rewards, strict=True)]
        for name, guard in self._guards.items():
            if guard.last and (error := guard.unreadable()):
                problem = f"a probe has no score from the guard `{name}`: {error.problem}"
                raise SafeLRMError(problem, file=error.file, key=error.key, fix=error.fix)
        metrics = {SCORE_METRIC: sum(total for total, _ in scored), TOKENS_METRIC: sum(map(len, ended))}
        for _, means in scored:
            metrics |= means
        return self._rows(ended, step), metrics

    def _scored(
        self, term: RewardTerm, reward: TrlReward, ended: Sequence[list[int]]
    ) -> tuple[float, dict[str, float]]:
        """What a term adds to the score, and its own metrics."""
        mode = {DECODING: self.probing.decoding}
        values = reward(
            prompts=[[{**turn, **mode} for turn in user_turn(prompt)] for prompt in self._requests["prompt"]],
            completion_ids=ended,
            kind=self._requests["kind"].tolist(),
            reference=[None if pd.isna(reference) else reference for reference in self._requests["reference"]],
            log_metric=lambda *_: None,
        )
        found = [value for value in values if value is not None]
        metrics = {scored_metric(term.name): len(found) / len(values)}
        if found:
            metrics[mean_metric(term.name)] = sum(found) / len(found)
        # as in a reward, a term without a value counts 0
        return term.weight * sum(found) / len(values), metrics

    def _completed(self, model: PreTrainedModel) -> list[list[int]]:
        """Token ids of each answer, with the token that ended it; prompts of similar length share a batch."""
        asked = [prompt.token_ids for prompt in self._prompts]
        order = sorted(range(len(asked)), key=lambda place: len(asked[place]))
        found: dict[int, list[int]] = {}
        training = model.training
        model.eval()
        for start in range(0, len(order), self.settings.batch_size):
            batch = order[start : start + self.settings.batch_size]
            found |= zip(batch, self._generated(model, [asked[place] for place in batch]), strict=True)
        model.train(training)
        return [found[place] for place in range(len(asked))]

    @torch.no_grad()
    def _generated(self, model: PreTrainedModel, prompts: Sequence[list[int]]) -> Iterator[list[int]]:
        width, stops = max(map(len, prompts)), sorted(self._policy.stop_ids)
        padding = [width - len(ids) for ids in prompts]
        ids = [[stops[0]] * count + ids for count, ids in zip(padding, prompts, strict=True)]
        mask = [[0] * count + [1] * (width - count) for count in padding]
        settings = self.settings
        sampling = {"do_sample": True, "temperature": settings.temperature, "top_p": 1.0, "top_k": 0}
        how = GenerationConfig(
            max_new_tokens=settings.max_completion_tokens,
            eos_token_id=stops,
            pad_token_id=stops[0],
            use_cache=True,
            disable_compile=True,
            **(sampling if settings.temperature else {"do_sample": False}),
        )
        output = model.generate(
            input_ids=torch.tensor(ids, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            generation_config=how,
        )
        for row in output[:, width:].tolist():
            end = next((place for place, token in enumerate(row, start=1) if token in stops), len(row))
            yield row[:end]

    def _rows(self, ended: Sequence[list[int]], step: int) -> pd.DataFrame:
        stops = self._policy.stop_ids
        stopped = [bool(ids) and ids[-1] in stops for ids in ended]
        completions = pd.DataFrame(
            {
                "token_ids": [ids[:-1] if stop else ids for ids, stop in zip(ended, stopped, strict=True)],
                "finish_reason": [STOP if stop else LENGTH for stop in stopped],
            }
        )
        requests = self._requests.assign(benchmark=step_name(step))
        return rollout_table(self._chat, requests, self._prompts, completions)

    def _job(self) -> RolloutJobSettings:
        probing, settings = self.probing, self.settings
        return RolloutJobSettings(
            temperature=settings.temperature,
            max_tokens=settings.max_completion_tokens,
            seed=self.seed,
            dtype="float32",
            max_model_length=self._policy.context,
            decodings={probing.decoding: DecodingMode(template=probing.template)},
        )


def step_name(step: int) -> str:
    """The name of a step's probe in a table: step0040."""
    return f"step{step:04d}"
