"""What makes the numbers of a study hold, checked before any job is planned.

What rewards a model does not report on it: RL learns what a guard overlooks, and what a list of phrases does not hold.
The same is true of a model that is trained on completions which a reward has chosen, by rejection sampling or in pairs
(DPO), and of what chooses the checkpoint of a training by its probes. Whether an answer equals its reference is exempt,
since there is one comparison for both. A judge that a filter of a selection asks, or that says which samples of a
teacher are the best, counts like what rewards, and so does what has rewarded the teacher.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from safelrm.analysis.settings import headline_judges
from safelrm.core.errors import SafeLRMError
from safelrm.dag.declarations import declared_same_means, declared_scorers
from safelrm.dag.entries import BenchmarkEntry, MadeModel
from safelrm.dag.fields import declared_fields
from safelrm.dag.judge_entries import JudgeEntry
from safelrm.dag.selections import asked_judges
from safelrm.dag.settings import Arm, Study
from safelrm.dag.taught import reward_of, selections_of, taught_arms
from safelrm.data.settings import AuditSettings
from safelrm.judging.fields import judge_of
from safelrm.judging.schemas import CORRECT, INCORRECT
from safelrm.training.reward_settings import RewardTerm

# what terms do, and what they are called then
REWARDS, CHOOSES = "rewards", "chooses the checkpoint"
TITLES = {REWARDS: "reward", CHOOSES: "probes' term"}


def check_rewards(study: Study, file: str) -> None:
    """Make sure that nothing that rewards an arm, or chooses its checkpoint, is a judge of the study's numbers.

    Raises:
        SafeLRMError: a judge that `metrics` names asks a guard that rewards, also under another name, or measures by
            the means of a reward (`SAME_MEANS_AS` of the reward's module, or of a module that its settings name); or
            the same of what chooses a checkpoint.
    """
    for arm in taught_arms(study):
        for does, terms in deciding(study, arm):
            for key, name in _headlines(study):
                fault = _taught(study, name, does, terms) or _of_one_kind(study, name, does, terms)
                if fault:
                    problem, fix = fault
                    raise SafeLRMError(f"{problem} (arm `{arm.name}`)", file=file, key=key, fix=fix)


def check_selections(study: Study, file: str) -> None:
    """Make sure that nothing that selects SFT data of an arm is a judge of the study's numbers.

    Raises:
        SafeLRMError: a judge that `metrics` names is one that a filter or `best` of a selection reads, asks the same
            model, measures by the same means, or is named in SAME_MEANS_AS of a filter's module. Correctness is exempt.
    """
    for arm in taught_arms(study):
        for selection in selections_of(study, arm):
            entry = study.selections[selection]
            selecting = dict.fromkeys(judge_of(reference) for reference in asked_judges(entry))
            modules = [module for used in entry.filters for module in declared_same_means(used.module)]
            for key, name in _headlines(study):
                of = f"selection `{selection}`, arm `{arm.name}`"
                if study.judges[name].module in modules:
                    problem = f"`{name}` measures by the same means as a filter ({of})"
                    raise SafeLRMError(problem, file=file, key=key, fix="name a judge of another kind")
                for chosen in selecting:
                    if fault := _selects(study, name, chosen):
                        fix = "let another judge select, or name another one; `calibration` may compare the two"
                        raise SafeLRMError(f"`{name}` {fault} ({of})", file=file, key=key, fix=fix)


def _selects(study: Study, name: str, selecting: str) -> str | None:
    """What is wrong if one judge makes numbers and another one, or the same, selects what is trained on."""
    judge, other = study.judges[name], study.judges[selecting]
    if _is_of_correctness(other):
        return None
    if name == selecting:
        return "selects what is trained on: it would judge what it has taught"
    asks = f"asks the model of `{selecting}`, which selects what is trained on"
    if asked := other.guard or other.model:
        return asks if asks_guard(study, judge, asked) else None
    if endpoint := _endpoint(other):
        name = judge.guard or judge.model
        known = _origins(study.guards.get(name) or study.models[name]) if name else {_endpoint(judge)}
        return asks if endpoint in known else None
    same = judge.module == other.module
    return f"measures by the same means as `{selecting}`, which selects what is trained on" if same else None


def _is_of_correctness(judge: JudgeEntry) -> bool:
    """Whether a judge compares answers with references, and does nothing else."""
    fields = declared_fields(judge.module, judge.settings, judge.module, "FIELDS").values()
    return all({*field.verdicts} == {CORRECT, INCORRECT} for field in fields)


def deciding(study: Study, arm: Arm) -> Iterator[tuple[str, Sequence[RewardTerm]]]:
    """The terms by which an arm's weights came to be, and what they do: reward, or choose the checkpoint by probes.

    An arm that starts from a rewarded one stands beside that arm, whose reward is checked itself.
    """
    reward, recipe = reward_of(study, arm), study.recipe(arm)
    if reward:
        yield REWARDS, reward.rewards
    if recipe and recipe.probe and recipe.probe.chooses:
        yield CHOOSES, recipe.probe.rewards


def _taught(study: Study, name: str, does: str, terms: Sequence[RewardTerm]) -> tuple[str, str] | None:
    """The fault and the fix, if a judge asks a guard that rewards or chooses."""
    for guard in dict.fromkeys(guard for term in terms for guard in term.guards):
        if asks_guard(study, study.judges[name], guard):
            problem = f"`{name}` asks the guard that {does}, `{guard}`: it would judge what it has taught"
            return problem, "name a judge that asks another guard; `calibration` may compare this one with it"
    return None


def _of_one_kind(study: Study, name: str, does: str, terms: Sequence[RewardTerm]) -> tuple[str, str] | None:
    """The fault and the fix, if a judge measures by the means of a term, or of a module that one asks."""
    module = study.judges[name].module
    for term in terms:
        for path in (term.module, *declared_scorers(term.module, term.settings).values()):
            if module in declared_same_means(path):
                kinds = "such as a guard's field of refusals (docs/refusals.md)"
                fix = f"name a judge of another kind, {kinds}; `validation` may compare this one with it"
                return f"`{name}` ({module}) measures by the same means as the {TITLES[does]} {path}", fix
    return None


def check_uses(study: Study, file: str) -> None:
    """Make sure that settings are not chosen by the numbers that are reported.

    Raises:
        SafeLRMError: benchmarks have different uses, a data set of `audit.tune` is a benchmark of results or an
            evaluation set of the audit, or the audit does not compare it with all benchmarks of results.
    """
    for place, entry in enumerate(study.benchmarks):
        if entry.use != study.use:
            raise SafeLRMError(
                f"`{entry.name}` is to {entry.use}, and `{study.benchmarks[0].name}` is to {study.use}",
                file=file,
                key=f"benchmarks.{place}.use",
                fix="give all benchmarks one use: choose settings in one study, and report another one",
            )
    _check_probed(study, file)
    if not (study.audit and study.audit.tune):
        return
    evaluated = {name: name for name in study.audit.evaluation}
    evaluated |= {entry.name: entry.dataset for entry in study.benchmarks if _is_asked(entry, study.audit)}
    for name, dataset in evaluated.items():
        if dataset in study.audit.tune:
            raise SafeLRMError(
                f"settings were chosen on `{dataset}`, and `{name}` asks its prompts",
                file=file,
                key="audit.tune",
                fix="let benchmarks ask other prompts, or say `use: tune` of them and leave the data set out here",
            )
    compared = {*study.audit.evaluation}
    reported = [entry for entry in study.benchmarks if entry.use == "report"]
    if left_out := [entry.name for entry in reported if not {entry.name, entry.dataset} & compared]:
        problem = f"the audit does not compare {left_out} with the prompts that settings were chosen on"
        raise SafeLRMError(problem, file=file, key="audit.evaluation", fix="add these benchmarks")


def _check_probed(study: Study, file: str) -> None:
    """What probes ask, on the way to a result, is not what the result is measured on."""
    asked = {entry.dataset: entry.name for entry in study.benchmarks if entry.use == "report"}
    for arm in study.arms if asked else ():
        recipe = study.recipe(arm)
        for name in recipe.probed if recipe else ():
            key = f"{arm.method}.{arm.recipe}.probe.prompts"
            if name in asked:
                fix = "let probes ask prompts that no benchmark asks"
                raise SafeLRMError(f"the benchmark `{asked[name]}` asks `{name}`, too", file=file, key=key, fix=fix)
            if study.audit and name not in study.audit.tune:
                problem = f"the audit does not compare `{name}`, which probes ask, with the benchmarks"
                raise SafeLRMError(problem, file=file, key=key, fix="add it to `audit.tune`")


def _is_asked(entry: BenchmarkEntry, audit: AuditSettings) -> bool:
    """Whether a benchmark makes results, or is an evaluation set of the audit."""
    return entry.use == "report" or entry.name in audit.evaluation


def check_self_judging(study: Study, file: str) -> None:
    """Make sure that no model that is compared is asked to judge, unless the study says so: it favours its own texts.

    Raises:
        SafeLRMError: one is.
    """
    compared = {name: {name, *_origins(study.models[name])} for name in study.compared_models()}
    for judge, entry in study.judges.items():
        asked: set[str] = set()
        if name := entry.model:
            asked = _origins(study.guards[name]) if name in study.guards else {name, *_origins(study.models[name])}
        elif endpoint := _endpoint(entry):
            asked = {endpoint}
        itself = [name for name, known in compared.items() if known & asked]
        if itself and not entry.may_judge_itself:
            raise SafeLRMError(
                f"it asks a model that it judges: `{itself[0]}`",
                file=file,
                key=f"judges.{judge}",
                fix="let another model judge; if a model must judge itself, set `may_judge_itself: true` and report it",
            )


def _headlines(study: Study) -> Iterator[tuple[str, str]]:
    """Every key of `metrics` that names a judge, with the judge."""
    if study.metrics:
        yield from ((f"metrics.{key}", judge_of(judge)) for key, judge in headline_judges(study.metrics))
        for name, metric in study.metrics.more.items():
            yield f"metrics.more.{name}.judge", judge_of(metric.judge)


def asks_guard(study: Study, judge: JudgeEntry, guard: str) -> bool:
    """Whether a judge asks a guard or a model, by its name or as another entry of the same model."""
    rewarding, name = study.guards.get(guard) or study.models[guard], judge.guard or judge.model
    if name is None:
        return _endpoint(judge) in _origins(rewarding)
    if name == guard:
        return True
    asked = study.guards.get(name) or study.models[name]
    if rewarding.factory:
        return _recipe(asked) == _recipe(rewarding)
    if rewarding.path and asked.path:
        # the last parts of two folders are often alike
        return Path(rewarding.path).resolve() == Path(asked.path).resolve()
    return bool(_origins(asked) & _origins(rewarding))


def _recipe(made: MadeModel) -> tuple[object, ...]:
    """What a model that is trained from scratch follows from."""
    return made.factory, made.inputs, made.seed, made.settings


def _endpoint(judge: JudgeEntry) -> str | None:
    """The model of an endpoint that a judge asks, without its owner."""
    endpoint = judge.settings.get("endpoint")
    return _last_part(str(endpoint.get("model"))) if isinstance(endpoint, Mapping) else None


def _origins(made: MadeModel) -> set[str]:
    """Where a model comes from, by which two entries can be told to be one: also without its owner or folder."""
    origins = {origin for origin in (made.hub and made.hub.repo, made.path and str(Path(made.path))) if origin}
    return origins | {_last_part(origin) for origin in origins}


def _last_part(origin: str) -> str:
    return origin.casefold().rpartition("/")[2]
