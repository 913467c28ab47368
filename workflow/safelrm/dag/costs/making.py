"""What jobs need that make models on a CPU, bases and guards, and classifiers of refusals; and asking a classifier."""

from safelrm.dag.costs.processors import CPU, GIB, SMALL_DISK, Batches, Job
from safelrm.dag.costs.sizes import FLOAT32, SizedModel, expected_texts, from_scratch
from safelrm.dag.entries import MadeModel
from safelrm.dag.settings import Study
from safelrm.training.settings import TrainingSettings

# weights and AdamW's moments in float32 in a saved state; while one is written, the one before is kept
STATES_BYTES = 2 * 3 * FLOAT32
STORAGE_BYTES_PER_SECOND = 1e9

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


def made_job(made: SizedModel, entry: MadeModel) -> Job:
    """A base model or a guard, on a CPU."""
    if not entry.factory:
        # its files are hashed, read, written as one file and hashed again; the weights are mapped into memory
        seconds = CPU.training_start + 4 * made.stored / STORAGE_BYTES_PER_SECOND
        return Job(seconds, made.stored + 2 * GIB, made.stored + SMALL_DISK)
    takes, settings = from_scratch(entry), TrainingSettings()
    batches = Batches(takes.steps, takes.tokens, takes.tokens_per_pass)
    seconds = CPU.training_start + CPU.training_seconds(made, batches, settings, 1)
    # the average of the weights is held and saved beside them
    host = CPU.training_bytes(made, takes.tokens_per_pass, settings, 1) + made.shape.parameters * FLOAT32
    return Job(seconds, host, made.stored + SMALL_DISK, made.shape.parameters * (STATES_BYTES + 2 * FLOAT32))
