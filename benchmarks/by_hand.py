"""The default job as one writes it by hand: Keras' functional API, `fit`, and MLflow.

    python -m benchmarks.by_hand

The same layers, losses, optimizer, schedule and batch size as `python -m pipeline.train`, with early
stopping, the metrics of every epoch in MLflow, the logged model and a confusion matrix, and nothing else: no
checks of the data, report, insight, checkpoints, resume or predictions. `benchmarks.time_to_quality` times it
beside the program.
"""

import math
import os
from importlib import resources
from typing import Any

import keras
import matplotlib.pyplot as plt
import mlflow
import numpy as np
from keras import layers
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, r2_score

EPOCHS, BATCH, PATIENCE = 20, 32, 8
TRAIN, VAL, TEST = 0, 1, 2


def main(epochs: int = EPOCHS) -> None:
    """Train, evaluate and log in the current folder."""
    keras.utils.set_random_seed(0)
    splits = read()
    mean, std = scale(splits)
    series = splits[TRAIN][0]["series"]
    model = build(steps=series.shape[1], batches=math.ceil(len(series) / BATCH), epochs=epochs)
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("by hand")
    with mlflow.start_run():
        mlflow.log_params({"epochs": epochs, "batch_size": BATCH, "patience": PATIENCE})
        model.fit(
            *splits[TRAIN],
            validation_data=splits[VAL],
            epochs=epochs,
            batch_size=BATCH,
            verbose=2,
            callbacks=[
                keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True),
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda epoch, logs: mlflow.log_metrics(logs, step=epoch)
                ),
            ],
        )
        inputs, labels = splits[TEST]
        logits, scores = model.predict(inputs, batch_size=256, verbose=0).values()
        classes = logits.argmax(-1)
        mlflow.log_metrics(
            {
                "test_accuracy": accuracy_score(labels["class"], classes),
                "test_r2": r2_score(labels["score"] * std + mean, scores[:, 0] * std + mean),
            }
        )
        figure, axes = plt.subplots(figsize=(10, 10))
        ConfusionMatrixDisplay.from_predictions(labels["class"], classes, ax=axes, include_values=False)
        mlflow.log_figure(figure, "confusion_matrix.png")
        example = {name: values[:2].astype("float32") for name, values in inputs.items()}
        signature = mlflow.models.infer_signature(example, model.predict(example, verbose=0))
        mlflow.keras.log_model(model, name="model", signature=signature)


def read() -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
    """Return the inputs and labels of each split; series are 0 after their end."""
    with resources.files("pipeline.datasets").joinpath("kanji.npz").open("rb") as file:
        data = dict(np.load(file))
    labels = {"class": data["radical"], "score": data["n_strokes"].astype("float32")}
    inputs = {"image": data["image"][..., None], "series": data["strokes"].astype("float32")}
    return {
        split: tuple(
            {name: values[data["split"] == split] for name, values in arrays.items()}
            for arrays in (inputs, labels)
        )
        for split in (TRAIN, VAL, TEST)
    }


def scale(splits: dict[int, tuple[dict[str, Any], dict[str, Any]]]) -> tuple[float, float]:
    """Standardise the number of strokes and the series in place; return the former's mean and deviation."""
    inputs, labels = splits[TRAIN]
    mean, std = float(labels["score"].mean()), float(labels["score"].std())
    real = inputs["series"].any(-1)
    middle, width = inputs["series"][real].mean(0), inputs["series"][real].std(0)
    for own_inputs, own_labels in splits.values():
        own_labels["score"] = (own_labels["score"] - mean) / std
        steps = own_inputs["series"].any(-1, keepdims=True)
        own_inputs["series"] = np.where(steps, (own_inputs["series"] - middle) / width, 0).astype("float32")
    return mean, std


def build(steps: int, batches: int, epochs: int) -> keras.Model:
    """Return the compiled model: two branches, a fusion, two heads."""
    image, series = keras.Input((32, 32, 1), name="image"), keras.Input((steps, 2), name="series")
    x = layers.Rescaling(1 / 255)(image)
    for filters in (32, 64, 64):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    x = layers.Dropout(0.3)(x)
    y = series
    for filters in (64, 64):
        y = layers.Conv1D(filters, 5, padding="same", activation="relu")(y)
    y = layers.GlobalMaxPooling1D()(y)
    z = layers.Dense(128, activation="relu")(layers.Concatenate()([x, y]))
    z = layers.Dropout(0.3)(z)
    model = keras.Model(
        {"image": image, "series": series},
        {"class": layers.Dense(31, name="class")(z), "score": layers.Dense(1, name="score")(z)},
    )
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, batches * max(1, epochs - 1), alpha=0.01, warmup_target=0.001, warmup_steps=batches
    )
    model.compile(
        keras.optimizers.Adam(schedule),
        loss={"class": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "score": "mse"},
        metrics={"class": ["accuracy"], "score": ["mae"]},
    )
    return model


if __name__ == "__main__":
    main(int(os.environ.get("EPOCHS", EPOCHS)))
