"""What SafeLRM adds to the libraries below it: steps of SFT and RL beside bare TRL, rollouts beside a bare vLLM.

    python benchmarks/bare.py sft            the default study; its data and checkpoints must be there
    python benchmarks/bare.py rl --folder STUDY --model nano_b --steps 20
    python benchmarks/bare.py rollouts --rounds 7

Both ways take turns, in one process and with one thread, as the jobs of a study have it.

- sft, rl: both train the same base on the same data with the same seed and the same configuration of TRL. The bare way
  has TRL's own trainer, its own tiles (training/tiles.py), and none of SafeLRM's callbacks and signs. The reward is the
  same. A step counts from its begin to the begin of the next one. The first steps do not count.
- rollouts: both ask one engine the same questions with the same seeds. The bare way calls `LLM.generate`.

A ratio is the median over rounds, and below 1 if SafeLRM takes less. On a busy machine, believe the seconds of CPU.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from statistics import median
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from safelrm.training.command import hide_vllm_from_trl, prepare_process

ROOT = Path(__file__).parents[1]
# steps that are not counted
WARM_UP = 2

Times = tuple[float, float]
# trains into a folder
Train = Callable[[Path], None]


def now() -> Times:
    """Seconds of CPU and on the clock."""
    return time.process_time(), time.monotonic()


def since(began: Times) -> Times:
    """Seconds of CPU and on the clock since then."""
    cpu, wall = now()
    return cpu - began[0], wall - began[1]


def medians(times: list[Times]) -> Times:
    """The medians of the seconds of CPU, and of those on the clock."""
    cpu, wall = zip(*times, strict=True)
    return median(cpu), median(wall)


def sft(options: argparse.Namespace) -> Train:
    """A short training with the study's recipe."""
    from safelrm.dag.paths import data_file  # noqa: PLC0415  (imports take seconds, and read the environment)
    from safelrm.data.schemas import CONVERSATIONS  # noqa: PLC0415
    from safelrm.training.settings import SftSettings  # noqa: PLC0415
    from safelrm.training.supervised import train  # noqa: PLC0415

    recipe = options.study.sft[options.recipe or "matched_a"]
    settings = SftSettings.model_validate(recipe.model_dump(mode="json", exclude={"preset"}) | {"epochs": 1})
    rows = options.steps * settings.batch_size * settings.gradient_accumulation
    conversations = CONVERSATIONS.read(options.folder / data_file(settings.datasets[0])).head(rows)
    return lambda out: train(conversations, settings, out / "work", **outputs(options, out))


def rl(options: argparse.Namespace) -> Train:
    """A short training with the study's recipe."""
    from safelrm.dag.paths import data_file, guard_manifest  # noqa: PLC0415
    from safelrm.data.schemas import PROMPTS  # noqa: PLC0415
    from safelrm.training.reinforced import train  # noqa: PLC0415
    from safelrm.training.settings import RlSettings  # noqa: PLC0415

    study, folder = options.study, options.folder
    recipe = study.rl[options.recipe or "grpo"]
    settings = RlSettings.model_validate(recipe.model_dump(mode="json") | {"steps": options.steps})
    prompts = {share.dataset: PROMPTS.read(folder / data_file(share.dataset)) for share in settings.prompts}
    guards = {guard: folder / guard_manifest(guard) for guard in settings.guards}
    readings = {guard: study.guards[guard].reading for guard in settings.guards}
    return lambda out: train(prompts, settings, out / "work", guards=guards, readings=readings, **outputs(options, out))


def outputs(options: argparse.Namespace, out: Path) -> dict[str, object]:
    """What both trainings take."""
    from safelrm.dag.paths import run_manifest  # noqa: PLC0415

    checkpoint = options.folder / run_manifest(options.model, "base", 0)
    return {"checkpoint": checkpoint, "seed": 1, "manifest": out / "manifest.json", "curve": out / "curve.parquet"}


def timed_training(train: Train, out: Path, *, bare: bool) -> tuple[Times, Times]:
    """The median step of a training into a folder, and the whole training."""
    from transformers import TrainerCallback  # noqa: PLC0415

    from safelrm.training import reinforced, supervised  # noqa: PLC0415

    begun: list[Times] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: object, **__: object) -> None:
            begun.append(now())

    def run(trainer: object, **how: int) -> None:
        trainer.add_callback(Clock())
        if bare:
            trainer.args.set_save(strategy="no")
            trainer.train()
        else:
            resumably(trainer, **how)

    resumably = supervised.train_resumably
    with ExitStack() as stack:
        for module in (supervised, reinforced):
            stack.enter_context(patch.object(module, "train_resumably", run))
        if bare:
            make_bare(stack)
        # a line for each step
        stack.enter_context(redirect_stdout(io.StringIO()))
        began = now()
        train(out)
        whole = since(began)
    pairs = zip(begun[WARM_UP:], begun[WARM_UP + 1 :], strict=False)
    return medians([(end[0] - start[0], end[1] - start[1]) for start, end in pairs]), whole


def make_bare(stack: ExitStack) -> None:
    """Until the stack closes, trainings use TRL's own trainers and nothing that SafeLRM adds to them."""
    from trl import GRPOTrainer, SFTTrainer  # noqa: PLC0415
    from trl.trainer import utils  # noqa: PLC0415

    from safelrm.training import policy, reinforced, supervised  # noqa: PLC0415
    from safelrm.training.rewards.base import build_rewards  # noqa: PLC0415
    from safelrm.training.tiles import WIDEST  # noqa: PLC0415

    def plain_sft(*, by_length: bool, callbacks: list, **given: object) -> SFTTrainer:
        return SFTTrainer(**given)

    def plain_rl(*, modes: object, **given: object) -> GRPOTrainer:
        return GRPOTrainer(**given)

    for module, name, plain in (
        (supervised, "CountingSFTTrainer", plain_sft),
        (reinforced, "RlTrainer", plain_rl),
        (reinforced, "_watches", lambda *_: []),
        (reinforced, "naming_term", lambda _, reward: reward),
        (reinforced, "build_rewards", lambda terms, guards, reader, *_: build_rewards(terms, guards, reader)),
        (policy, "fit_tiles", lambda _: None),
        (utils, "_CHUNKED_LOGPROB_CHUNK_SIZE", WIDEST),
    ):
        stack.enter_context(patch.object(module, name, plain))


def compare_trainings(train: Train, rounds: int) -> None:
    """Print seconds and ratios of both ways."""
    from safelrm.models.schemas import CURVES  # noqa: PLC0415

    steps: dict[bool, list[Times]] = {False: [], True: []}
    wholes: dict[bool, list[Times]] = {False: [], True: []}
    for number in range(rounds):
        # what comes first may have the worse of it
        for bare in (bool(number % 2), not number % 2):
            with tempfile.TemporaryDirectory() as out:
                step, whole = timed_training(train, Path(out), bare=bare)
                if not bare:
                    curve = CURVES.read(Path(out) / "curve.parquet")
            steps[bare].append(step)
            wholes[bare].append(whole)
    show("step", steps[False], steps[True])
    show("whole training", wholes[False], wholes[True])
    padding = curve[curve["metric"] == "padding_share"]["value"]
    if len(padding):
        print(f"padding: {padding.mean():.1%} of the positions")


def rollouts(options: argparse.Namespace) -> None:
    """Print seconds and ratios of both ways to ask an engine for the rollouts of the base."""
    from vllm import SamplingParams  # noqa: PLC0415

    from safelrm.core.checkpoints import verified_model  # noqa: PLC0415
    from safelrm.dag.paths import data_file, run_manifest  # noqa: PLC0415
    from safelrm.data.schemas import PROMPTS  # noqa: PLC0415
    from safelrm.generation.requests import plan_requests, render_prompts  # noqa: PLC0415
    from safelrm.generation.settings import RolloutJobSettings  # noqa: PLC0415
    from safelrm.inference.chat import Chat  # noqa: PLC0415
    from safelrm.inference.engine import complete, start_engine  # noqa: PLC0415

    study, folder = options.study, options.folder
    model = verified_model(folder / run_manifest(options.model, "base", 0))
    settings = RolloutJobSettings(**dict(study.rollouts), decodings=study.models[options.model].decodings)
    prompts = {entry.name: PROMPTS.read(folder / data_file(entry.dataset)) for entry in study.benchmarks}
    chat = Chat(model)
    requests = plan_requests(prompts, 1, settings)
    asked = zip(render_prompts(chat, requests, settings), requests["request_seed"].tolist(), strict=True)
    questions = [(prompt.token_ids, {**prompt.sampling, "seed": seed}) for prompt, seed in asked]
    engine = start_engine(model, dtype=settings.dtype, max_model_length=settings.max_model_length)

    def ours() -> list[list[int]]:
        answers = {place: list(answer.token_ids) for place, answer in complete(engine, questions)}
        return [answers[place] for place in range(len(questions))]

    def bare() -> list[list[int]]:
        texts = [{"prompt_token_ids": ids} for ids, _ in questions]
        how = [SamplingParams(**sampling) for _, sampling in questions]
        return [list(found.outputs[0].token_ids) for found in engine.generate(texts, how, use_tqdm=False)]

    ways: dict[Callable, list[Times]] = {ours: [], bare: []}
    given: list[list[list[int]]] = []
    for number in range(options.rounds + 1):
        for way in (ours, bare) if number % 2 else (bare, ours):
            began = now()
            given.append(way())
            if number:  # the first round warms up
                ways[way].append(since(began))
    tokens = sum(map(len, given[0]))
    for name, (cpu, wall) in {way.__name__: medians(times) for way, times in ways.items()}.items():
        print(f"{name:20}  {tokens / cpu:7.0f} tokens per second of CPU, {tokens / wall:7.0f} on the clock")
    show(f"{len(questions)} completions", ways[ours], ways[bare])
    print(f"completions are equal: {all(one == given[0] for one in given)}")


def show(what: str, ours: list[Times], bare: list[Times]) -> None:
    """Print the medians of both ways, and the median of the ratios of each round."""
    cpu, wall = medians([(one[0] / other[0], one[1] / other[1]) for one, other in zip(ours, bare, strict=True)])
    for name, times in (("SafeLRM", medians(ours)), ("bare", medians(bare))):
        print(f"{what:20}  {name:8}  {times[0]:8.3f} s of CPU, {times[1]:8.3f} s on the clock")
    print(f"{what:20}  ratio     {cpu:8.3f} of CPU,   {wall:8.3f} on the clock, {len(ours)} rounds", flush=True)


def main() -> None:
    """Print one comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sft", "rl", "rollouts"], help="what is compared")
    parser.add_argument("--folder", type=Path, default=ROOT, help="the study's folder, with data/ and checkpoints/")
    parser.add_argument("--model", default="nano_a", help="the base")
    parser.add_argument("--recipe", help="the recipe; own: matched_a or grpo")
    parser.add_argument("--steps", type=int, default=12, help="steps of each training")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way has its turn")
    options = parser.parse_args()
    prepare_process()
    options.folder = options.folder.resolve()
    if options.what != "rollouts":
        hide_vllm_from_trl()
    import torch  # noqa: PLC0415
    import yaml  # noqa: PLC0415

    from safelrm.dag.study import load_study  # noqa: PLC0415

    torch.set_num_threads(1)
    os.chdir(ROOT)
    options.study = load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), "config.yaml")
    if options.what == "rollouts":
        rollouts(options)
        # the engine's threads outlive it
        sys.stdout.flush()
        os._exit(0)
    compare_trainings({"sft": sft, "rl": rl}[options.what](options), options.rounds)


if __name__ == "__main__":
    main()
