"""Sample runs for the tests of the report: heads' results on synthetic rows, histories, parts and inputs."""

from dataclasses import replace

import numpy as np

from pipeline.report import HeadResult, InputExamples, Part, Record

NAN = float("nan")
KANJI = ["other", "木", "氵"]


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def metrics(**words):
    return {**words, "loss": 0.5, "skill": 0.7}


def head(kind, *, rows=40, names=None, missing=(), seed=0):
    """A head's result on synthetic test rows; its predictions are the labels plus noise."""
    rng = np.random.default_rng(seed)
    names = (
        names or {"category": KANJI, "number": ["strokes"], "binary": ["late"], "labels": ["a", "b"]}[kind]
    )
    if kind == "category":
        labels = np.arange(rows) % len(names)
        outputs = softmax(3 * np.eye(len(names))[labels] + 2 * rng.normal(size=(rows, len(names))))
        loss = -np.log(outputs[np.arange(rows), labels])
        test = metrics(accuracy=0.8, f1=0.7, auc=0.9)
    elif kind == "number":
        labels = rng.normal(12, 4, size=(rows, len(names)))
        outputs = labels + rng.normal(size=labels.shape)
        loss = ((labels - outputs) ** 2).mean(axis=1)
        test = metrics(mae=0.8, rmse=1.0, r2=0.9)
    else:
        labels = (rng.random((rows, len(names))) < 0.4).astype(float)
        outputs = np.clip(0.25 + 0.5 * labels + rng.normal(scale=0.3, size=labels.shape), 0.01, 0.99)
        loss = -np.log(np.where(labels == 1, outputs, 1 - outputs)).mean(axis=1)
        test = metrics(accuracy=0.8, f1=0.7, auc=0.9, ap=0.9)
    labels = labels.astype(np.int32) if kind == "category" else labels
    labels[list(missing)] = -1 if kind == "category" else NAN
    loss[list(missing)] = NAN
    return HeadResult(
        kind,
        names,
        "CategoricalCrossentropy",
        1.0,
        1.7,
        1.6,
        test,
        test,
        labels,
        outputs,
        loss,
        np.arange(rows) + 1000,
    )


def history(heads, epochs=5):
    """Every metric that a run logs, falling or rising smoothly."""
    fall = [1.5 * 0.8**epoch for epoch in range(epochs)]
    rise = [1 - value / 2 for value in fall]
    metrics = {f"{split}/{word}": fall for split in ("train", "val") for word in ("loss", "loss_unweighted")}
    metrics["val/skill"] = rise
    for name, result in heads.items():
        for word in result.test:
            splits = ("val",) if word == "skill" else ("train", "val")
            metrics |= {
                f"{split}/{name}_{word}": fall if word in ("loss", "mae", "rmse") else rise
                for split in splits
            }
        metrics[f"share/{name}"] = [1 / len(heads)] * epochs
        metrics[f"weight/{name}"] = [1.0] * epochs
    return {
        metric: [1.1 * value for value in values] if metric.startswith("val/") else values
        for metric, values in metrics.items()
    }


def parts(branches=1, heads=("class",), layers=3):
    stack = [("Conv2D 32, 3x3, relu", "16 x 16 x 32", 320), ("MaxPooling2D", "8 x 8 x 32", 0)] * 9
    return [
        *(Part("branch", f"input_{place}", stack[:layers]) for place in range(branches)),
        Part("fusion", "concatenate", [("Concatenate", "128", 0)]),
        *(
            Part("head", name, [("Dense", "31", 3999)], "SparseCategoricalCrossentropy", 1.0)
            for name in heads
        ),
    ]


def images(rows=40, channels=1):
    return np.random.default_rng(3).integers(0, 255, size=(rows, 8, 8, channels), dtype=np.uint8)


def record(heads=None, **changes):
    heads = {"class": head("category"), "score": head("number")} if heads is None else heads
    inputs = {"image": InputExamples("image", {"image": images()})}
    result = Record(
        title="kanji <default>",
        facts=["run abc", "2026-11-27 12:00", "seed 0", "rows: train 80, val 40, test 40"],
        warnings=[],
        command="python -m pipeline.train loss_weights.class=2.0",
        config_yaml="seed: 0\ntitle: <b>bold</b>\n",
        run_url="http://127.0.0.1:5000/#/experiments/1/runs/abc",
        history=history(heads),
        best_epoch=4,
        ending=["trained all 9 epochs; kept epoch 4, the best", "head class was best in epoch 3"],
        parts=parts(2, tuple(heads)),
        heads=heads,
        inputs=inputs,
        phases={"load": 0.4, "train": 21.0, "test": 0.2},
    )
    return replace(result, **changes)


def small(**changes):
    """A record whose report is drawn quickly."""
    heads = changes.pop("heads", {"class": head("category", rows=12)})
    few = {
        metric: values
        for metric, values in history(heads).items()
        if metric.endswith(("skill", "class_loss"))
    }
    return record(heads, **({"history": few, "inputs": {}, "parts": parts(layers=1), "phases": {}} | changes))
