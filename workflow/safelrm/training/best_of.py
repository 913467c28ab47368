"""What is learned from candidates: the best of each prompt (rejection sampling), and pairs of the best and the worst.

Rejection sampling is that of Llama 2 (Touvron et al. 2023, section 3.2.3), with one round. Pairs of the extreme rewards
of several samples are those of Iterative RPO and similar methods (Pang et al. 2024, section 2).
"""

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.training.rewards.base import ENDED

OF_PROMPT = ["dataset", "prompt_id"]


def best_of(candidates: pd.DataFrame, min_reward: float | None) -> pd.DataFrame:
    """The best candidate of each prompt as rows of CONVERSATIONS. Of equal rewards the lowest sample is taken.

    Prompts are left out, counted and printed if no candidate has a reward, if the best has not ended with an answer, or
    if its reward is below `min_reward`.

    Args:
        candidates: rows of CANDIDATES.
        min_reward: the least reward; None: any.

    Raises:
        SafeLRMError: no prompt is left.
    """
    best = _extreme(candidates, best=True)
    ended = best["parse_state"].isin(ENDED)
    good = ended if min_reward is None else ended & (best["reward"] >= min_reward)
    left_out = {
        "without reward": _prompts(candidates) - len(best),
        "not ended": int((~ended).sum()),
        "below min_reward": int((ended & ~good).sum()),
    }
    _say("best candidates", int(good.sum()), left_out, "min_reward")
    return best.loc[good, ["prompt_id", "kind", "category", "prompt", "response"]].reset_index(drop=True)


def preference_pairs(candidates: pd.DataFrame, min_margin: float) -> pd.DataFrame:
    """The best and the worst candidate of each prompt: one row with their columns, named `…_chosen` and `…_rejected`.

    Of equal rewards the lowest sample is taken. Prompts are left out, counted and printed if no candidate has a reward,
    if the best has not ended with an answer, or if the rewards differ by less than `min_margin`.

    Args:
        candidates: rows of CANDIDATES.
        min_margin: the least difference of the rewards.

    Raises:
        SafeLRMError: no pair is left.
    """
    best, worst = _extreme(candidates, best=True), _extreme(candidates, best=False)
    pairs = best.merge(worst, on=[*OF_PROMPT, "prompt", "prompt_tokens"], suffixes=("_chosen", "_rejected"))
    ended = pairs["parse_state_chosen"].isin(ENDED)
    apart = pairs["reward_chosen"] - pairs["reward_rejected"] >= min_margin
    left_out = {
        "without reward": _prompts(candidates) - len(pairs),
        "not ended": int((~ended).sum()),
        "below min_margin": int((ended & ~apart).sum()),
    }
    _say("pairs", int((ended & apart).sum()), left_out, "min_margin")
    return pairs[ended & apart].reset_index(drop=True)


def _extreme(candidates: pd.DataFrame, *, best: bool) -> pd.DataFrame:
    """The candidate of the highest or the lowest reward of each prompt that has one, in the order of the prompts."""
    scored = candidates[candidates["reward"].notna()]
    ordered = scored.sort_values(["reward", "sample"], ascending=[not best, True], kind="stable")
    return ordered.drop_duplicates(OF_PROMPT).sort_values(OF_PROMPT, kind="stable").reset_index(drop=True)


def _prompts(candidates: pd.DataFrame) -> int:
    return len(candidates.drop_duplicates(OF_PROMPT))


def _say(what: str, count: int, left_out: dict[str, int], key: str) -> None:
    said = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
    print(f"{count} {what}; left out: {said}", flush=True)
    if not count:
        raise SafeLRMError(
            f"no prompt is left to train on: {said}",
            key=key,
            fix="lower it, sample more candidates, raise their `max_tokens`, or start from another model",
        )
