"""The tiles in which TRL computes log-probabilities of tokens."""

from transformers import PreTrainedModel
from trl.trainer import utils

# columns of a tile in TRL 1.16
WIDEST = utils._CHUNKED_LOGPROB_CHUNK_SIZE


def fit_tiles(model: PreTrainedModel) -> None:
    """Let TRL use tiles that are no wider than the vocabulary of `model`. Results are the same, bit by bit.

    Without Triton, TRL uses the first columns of a tile of 32,768. With a vocabulary of 300 words, the rows in use lie
    128 KiB apart, which caches do badly: it took 5 % of a step of SFT on a CPU.
    """
    utils._CHUNKED_LOGPROB_CHUNK_SIZE = min(WIDEST, model.get_output_embeddings().weight.shape[0])
