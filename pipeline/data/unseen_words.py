"""How many of a text's words in validation rows no training row has."""

import numpy as np

from pipeline.data.dataset import Dataset

PADDING, UNSEEN = 0, 1  # the ids of the kind `text`
SAMPLE = 10_000  # rows that are looked at


def unseen_shares(dataset: Dataset, split: str = "val") -> dict[str, float]:
    """Text input -> share of the words of a split that are not in the vocabulary of the training rows."""
    shares = {}
    for name, source in dataset.inputs.items():
        if source.kind == "text":
            prepared = dataset.splits[split].prepared[name]
            longest = source.vocabularies[2] if len(source.vocabularies) > 1 else None
            rows = np.unique(np.linspace(0, len(prepared) - 1, SAMPLE).astype(int))
            words = prepared[rows][:, :longest]
            shares[name] = float((words == UNSEEN).sum() / max(1, (words != PADDING).sum()))
    return shares


def unseen_sentences(dataset: Dataset) -> list[str]:
    """A sentence for each text input."""
    return [
        f"{name}: {100 * share:.1f} % of the words in validation rows are not in the vocabulary of the "
        "training rows"
        for name, share in unseen_shares(dataset).items()
    ]
