"""What training a classifier of refusals needs, and asking one: a small encoder, on one core."""

from safelrm.dag.costs.processors import GIB, SMALL_DISK, Job
from safelrm.dag.costs.sizes import expected_texts
from safelrm.dag.settings import Study

# the sentences of an answer; the training of one fold
ANSWER_SECONDS, FOLD_SECONDS = 0.1, 5.0
ENCODER_BYTES = 2 * GIB


def classified(answers: float, tables: float) -> Job:
    """Answers that a classifier judges, whose tables take so many bytes."""
    return Job(answers * ANSWER_SECONDS, ENCODER_BYTES + tables)


def classifier_job(study: Study, name: str) -> Job:
    """The encoding of labelled completions, and a training for each fold."""
    entry = study.classifiers[name]
    rows = sum(expected_texts(study.datasets[labelled], 1).rows for labelled in entry.labelled)
    fits = 1 + len(entry.labelled) * entry.settings.folds
    return Job(rows * ANSWER_SECONDS + fits * FOLD_SECONDS, ENCODER_BYTES, SMALL_DISK)
