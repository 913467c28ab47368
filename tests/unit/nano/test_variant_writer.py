"""Written variants as a teacher: the responses of the data set of the same seed, and the patterns that they have."""

from typing import get_args

import pandas as pd
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.nano import variant_writer
from safelrm.nano.settings import VariantSettings
from safelrm.nano.sources import variants
from safelrm.nano.world.patterns import is_inconsistent, trace_flags
from safelrm.nano.world.variants import VariantName

SETS = {
    "requests": [
        {"kind": kind, "split": "train", "size": size, "seed": 4} for kind, size in (("harmful", 105), ("benign", 8))
    ],
    "problems": [{"chain_lengths": [2], "split": "train", "size": 5, "seed": 6}],
    "dialect": "family_b",
    "seed": 9,
}
LACK, STRONG, WEAK, ADDS = "lack_of_safety_awareness", "strong_vacillation", "weak_vacillation", "harmful_additions"
# the patterns that each variant may have; those without traces have none to read
MAY_HAVE = {
    "default": {LACK, STRONG, WEAK, ADDS, "inconsistency"},
    "realsafe": {STRONG, WEAK},
    "safechain": {STRONG},
}


def written(variant: str, prompts: pd.DataFrame, sample: int = 0) -> list[str]:
    settings = variant_writer.Settings(variant=variant, dialect="family_b")
    return variant_writer.write(prompts, sample, 9, settings)


@pytest.mark.parametrize("variant", get_args(VariantName))
def test_a_variant_is_written_as_in_its_data_set_with_the_patterns_that_it_is_known_for(variant):
    rows = variants.load(VariantSettings.model_validate({"variant": variant, **SETS}))
    texts = written(variant, rows)
    requests = rows["kind"] != "reasoning"
    assert [text for text, same in zip(texts, requests, strict=True) if same] == [*rows["response"][requests]]
    found = set()
    for prompt, text in zip(rows["prompt"], texts, strict=True):
        parsed = parse_completion(text, prefilled=False)
        if parsed.trace and prompt in {*rows["prompt"][rows["kind"] == "harmful"]}:
            flags = trace_flags(prompt, parsed.trace)
            flags["inconsistency"] = is_inconsistent(prompt, parsed.trace, parsed.answer)
            found |= {name for name, there in flags.items() if there}
    assert found == MAY_HAVE.get(variant, set())


def test_other_samples_of_a_prompt_are_other_responses():
    rows = variants.load(VariantSettings.model_validate({"variant": "default", **SETS}))
    first, second = written("default", rows), written("default", rows, sample=1)
    assert first != second
    assert second == written("default", rows, sample=1)
    # by the prompt alone
    assert second[3:4] == written("default", rows[3:4], sample=1)


def test_a_prompt_of_another_world_is_refused():
    with pytest.raises(SafeLRMError, match="names 0 actions"):
        written("short", pd.DataFrame({"prompt": ["how do i bake bread ?"]}))
