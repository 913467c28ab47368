"""Token log-probabilities of conversations under a base, which reads them as training would render them."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from safelrm.analysis.memorisation_settings import MinKSettings
from safelrm.core.seeds import seed_everything
from safelrm.inference.engine import load_model
from safelrm.inference.likelihood import token_log_probabilities
from safelrm.training.rendered import RenderedRow, as_recipe, rendered_rows, weightless_policy


@dataclass(frozen=True)
class ReadText:
    """What a base makes of a text.

    Attributes:
        log_probabilities: of the tokens that count, in nats, in order; none if training would refuse the row.
        refusal: why it would.
    """

    log_probabilities: list[float] = field(default_factory=list)
    refusal: str | None = None


def read_texts(conversations: pd.DataFrame, folder: Path, settings: MinKSettings) -> list[ReadText]:
    """What the base in `folder` makes of each row of CONVERSATIONS, in order.

    Raises:
        SafeLRMError: the base cannot be loaded, or its chat template cannot be trained with.
    """
    seed_everything(0)
    policy = weightless_policy(folder)
    rows = rendered_rows(conversations, policy, as_recipe(policy.context))
    taken = [row for row in rows if row.refusal is None]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(folder, getattr(torch, settings.dtype)).eval().requires_grad_(False).to(device)
    # what a template writes after the end token counts for nothing
    sequences = [row.ids[: row.generated[-1] + 1] for row in taken]
    begins = [_first(row, settings) for row in taken]
    logs = iter(token_log_probabilities(model, sequences, begins, batch_tokens=settings.batch_tokens))
    return [ReadText(next(logs)) if row.refusal is None else ReadText(refusal=row.refusal) for row in rows]


def _first(row: RenderedRow, settings: MinKSettings) -> int:
    """The place of the first token that counts."""
    return 1 if settings.prompt else row.generated[0]
