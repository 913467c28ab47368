"""How much of a GRPO step the reward takes: as a study's recipe has it, and with terms that read more.

    python benchmarks/rewards.py                           the default study; its data and checkpoints must be there
    python benchmarks/rewards.py --folder STUDY --model nano_b --steps 20

Each reward trains for some steps from the same base and seed. The share of a step is the median over steps, without
the first ones, in which libraries set themselves up. A process counts how often it loads a guard. The jobs of a study
take one thread, and so does this.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from safelrm.training.command import hide_vllm_from_trl, prepare_process

ROOT = Path(__file__).parents[1]
# steps that are not counted
WARM_UP = 2
TERMS = "safelrm.training.rewards"


def rewards(guard: str, configured: Sequence[dict]) -> dict[str, list[dict]]:
    """The rewards that are compared, by what they are."""

    def term(name: str, **settings: object) -> dict:
        return {"module": f"{TERMS}.{name}", "weight": 1.0, "guards": [guard], "settings": settings}

    return {
        "as configured": [*configured],
        "safety of t+y": [term("safety")],
        "safety of the least of t and y": [term("safety", part="least")],
        "safety, less refusals by phrases": [term("safety_unrefused")],
        "hybrid": [term("hybrid", helpfulness=f"{TERMS}.scorers.on_topic")],
    }


class Stopwatch:
    """Seconds of steps, and of the rewards within them."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []
        self.loaded = 0
        self._within = self._began = 0.0

    def timed(self, function: Callable) -> Callable:
        """The function; its seconds count as the reward's."""

        def call(*args: object, **named: object) -> object:
            began = time.perf_counter()
            try:
                return function(*args, **named)
            finally:
                self._within += time.perf_counter() - began

        call.__name__ = function.__name__
        return call

    def begin(self) -> None:
        """A step begins."""
        self._within, self._began = 0.0, time.perf_counter()

    def end(self) -> None:
        """A step ends."""
        self.steps.append((time.perf_counter() - self._began, self._within))


def measured(watch: Stopwatch, train: Callable[[], None]) -> None:
    """Train while the stopwatch runs."""
    from unittest.mock import patch  # noqa: PLC0415

    from transformers import TrainerCallback  # noqa: PLC0415  (these take seconds, and read the environment)

    from safelrm.inference import readings  # noqa: PLC0415
    from safelrm.training import reinforced  # noqa: PLC0415

    class Steps(TrainerCallback):
        def on_step_begin(self, *_: object, **__: object) -> None:
            watch.begin()

        def on_step_end(self, *_: object, **__: object) -> None:
            watch.end()

    class Watched(reinforced.RlTrainer):
        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(*args, **named)
            self.add_callback(Steps())

    def build(*args: object) -> list[Callable]:
        return [watch.timed(function) for function in built(*args)]

    def load(*args: object) -> object:
        watch.loaded += 1
        return loaded(*args)

    built, loaded = reinforced.build_rewards, readings.load_model
    with (
        patch.object(reinforced, "build_rewards", build),
        patch.object(reinforced, "RlTrainer", Watched),
        patch.object(readings, "load_model", load),
    ):
        train()


def main() -> None:
    """Print the seconds of steps and rewards, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT, help="the study's folder, with data/ and checkpoints/")
    parser.add_argument("--model", default="nano_a", help="the base that is trained")
    parser.add_argument("--recipe", default="grpo", help="the recipe whose reward is replaced")
    parser.add_argument("--steps", type=int, default=12, help="steps of each training")
    options = parser.parse_args()
    prepare_process()
    hide_vllm_from_trl()
    import torch  # noqa: PLC0415
    import yaml  # noqa: PLC0415

    from safelrm.dag.paths import data_file, guard_manifest, run_manifest  # noqa: PLC0415
    from safelrm.dag.study import load_study  # noqa: PLC0415
    from safelrm.data.schemas import PROMPTS  # noqa: PLC0415
    from safelrm.training.reinforced import train  # noqa: PLC0415
    from safelrm.training.settings import RlSettings  # noqa: PLC0415

    torch.set_num_threads(1)
    os.chdir(ROOT)
    study = load_study(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), "config.yaml")
    recipe = study.rl[options.recipe]
    given = recipe.model_dump(mode="json") | {"steps": options.steps}
    folder = options.folder.resolve()
    prompts = {share.dataset: PROMPTS.read(folder / data_file(share.dataset)) for share in recipe.prompts}
    print(f"{'reward':34}  {'step':>7}  {'reward':>7}  share  guards loaded")
    for name, terms in rewards(recipe.guards[0], given["rewards"]).items():
        settings = RlSettings.model_validate(given | {"rewards": terms})
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as out:

            def run(settings: RlSettings = settings, work: Path = Path(out)) -> None:
                train(
                    prompts,
                    settings,
                    work / "work",
                    checkpoint=folder / run_manifest(options.model, "base", 0),
                    guards={guard: folder / guard_manifest(guard) for guard in settings.guards},
                    readings={guard: study.guards[guard].reading for guard in settings.guards},
                    seed=1,
                    manifest=work / "manifest.json",
                    curve=work / "curve.parquet",
                )

            # a line for each step
            with redirect_stdout(io.StringIO()):
                measured(watch, run)
        counted = watch.steps[WARM_UP:]
        step, within = (median(seconds) for seconds in zip(*counted, strict=True))
        share = median(inner / whole for whole, inner in counted)
        print(f"{name:34}  {step:5.2f} s  {within:5.3f} s  {share:5.1%}  {watch.loaded}", flush=True)


if __name__ == "__main__":
    main()
