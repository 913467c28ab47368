"""The world's tokenizer: what is trained on is what is generated."""

import random

import pytest
from transformers import AutoTokenizer

from safelrm.core.trace import parse_completion
from safelrm.nano.world import teacher
from safelrm.nano.world.dialects import FAMILY_A, FAMILY_B
from safelrm.nano.world.requests import all_requests
from safelrm.nano.world.tokenizer import build_tokenizer

REQUEST = next(request for request in all_requests() if request.harmful)
RESPONSE = teacher.think_again(random.Random(0), REQUEST, FAMILY_A)
AT_ONCE = teacher.refuse_at_once(random.Random(0), REQUEST, FAMILY_B)
USER = {"role": "user", "content": REQUEST.prompt}
TURN = {"role": "assistant", "content": RESPONSE.text}


@pytest.fixture(scope="module", params=["built", "reloaded"])
def tokenizer(request, tmp_path_factory):
    built = build_tokenizer("family_a")
    if request.param == "built":
        return built
    folder = tmp_path_factory.mktemp("tokenizer")
    built.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_trained_sequence_is_prompt_and_completion_token_for_token(tokenizer):
    prompt = tokenizer.apply_chat_template([USER], add_generation_prompt=True, return_dict=True)["input_ids"]
    completion = tokenizer(f"{RESPONSE.trace} </think> {RESPONSE.answer} <|end|>")["input_ids"]
    whole = tokenizer.apply_chat_template([USER, TURN], return_dict=True)["input_ids"]
    assert whole == prompt + completion
    assert tokenizer.unk_token_id not in whole


def test_loss_mask_covers_the_whole_assistant_turn_and_nothing_else(tokenizer):
    encoded = tokenizer.apply_chat_template([USER, TURN], return_dict=True, return_assistant_tokens_mask=True)
    masked = [token for token, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    assert tokenizer.decode(masked) == f"{RESPONSE.text} <|end|>"


MODES = {
    "family_a": ({}, RESPONSE, "<|assistant|> <think> ", RESPONSE.text.removeprefix("<think> ")),
    "thinking": ({"enable_thinking": True}, RESPONSE, "<|assistant|> ", RESPONSE.text),
    "thinking by default": ({}, RESPONSE, "<|assistant|> ", RESPONSE.text),
    "non_thinking": ({"enable_thinking": False}, AT_ONCE, "<|assistant|> <think> </think> ", AT_ONCE.text),
    "instruct": ({}, AT_ONCE, "<|assistant|> ", AT_ONCE.text),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains_what_it_generates(mode):
    arguments, response, opening, completion = MODES[mode]
    tokenizer = build_tokenizer(mode if mode in ("family_a", "instruct") else "family_b")
    turn = {"role": "assistant", "content": response.text}
    prompt = tokenizer.apply_chat_template([USER], add_generation_prompt=True, tokenize=False, **arguments)
    assert prompt == f"<|user|> {REQUEST.prompt} {opening}"
    encoded = tokenizer.apply_chat_template(
        [USER, turn], return_dict=True, return_assistant_tokens_mask=True, **arguments
    )
    assert encoded["input_ids"] == tokenizer(f"{prompt}{completion} <|end|>")["input_ids"]
    masked = [token for token, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    assert tokenizer.decode(masked) == f"{response.text} <|end|>"
    parsed = parse_completion(completion, prefilled=prompt.rstrip().endswith("<think>"))
    assert (parsed.trace, parsed.answer) == (response.trace, response.answer)


def test_decoding_keeps_the_trace_and_the_words_apart(tokenizer):
    ids = tokenizer(f"{RESPONSE.trace} </think> {RESPONSE.answer} <|end|>")["input_ids"]
    parsed = parse_completion(tokenizer.decode(ids, skip_special_tokens=True), prefilled=True)
    assert (parsed.trace, parsed.answer, parsed.state) == (RESPONSE.trace, RESPONSE.answer, "ok")


def test_unknown_words_are_unknown_and_tags_need_no_spaces(tokenizer):
    assert tokenizer("xyzzy")["input_ids"] == [tokenizer.unk_token_id]
    assert tokenizer("glim<|end|>")["input_ids"] == tokenizer("glim <|end|>")["input_ids"]


def test_guard_is_asked_about_prompt_and_text():
    guard = build_tokenizer("guard")
    turn = {"role": "assistant", "content": "first get a rope ."}
    asked = guard.apply_chat_template([USER, turn], add_generation_prompt=True, tokenize=False)
    assert asked.split() == [
        "<|user|>",
        *REQUEST.prompt.split(),
        "<|assistant|>",
        *turn["content"].split(),
        "<|verdict|>",
    ]
    assert len(guard("safe unsafe")["input_ids"]) == 2
    assert guard.get_vocab() == build_tokenizer("family_a").get_vocab()
