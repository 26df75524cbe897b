"""`ozma train trees`: the ranker that `--rank trees` uses, from the labels of the training
group."""

from __future__ import annotations

from pathlib import Path

from ozma.evaluate.choice import large_rows, training_rows
from ozma.evaluate.feature_store import load_features
from ozma.evaluate.flags import dense_set
from ozma.evaluate.ranker import RankerConfig, fit_ranker
from ozma.evaluate.table import load_table
from ozma.labels.subjects import FUNCTION


def train_trees(
    out: Path, path: Path, set_name: str = "", config: RankerConfig = RankerConfig()
) -> dict[str, int]:
    """Writes `path` (.npz); returns what it holds, by name. OzmaError without labels."""
    labels = dense_set(out, set_name)
    table = load_table(labels)
    train = table.take(large_rows(table, training_rows(table, FUNCTION)))
    features = load_features(out, train, labels.options.major)
    ranker = fit_ranker(train, features.values_nf, config)
    path.parent.mkdir(parents=True, exist_ok=True)
    ranker.save(path)
    return {
        "functions": len(train), "projects": len(set(train.project_n.tolist())),
        "trees": config.trees, "bytes": path.stat().st_size,
    }  # fmt: skip
