"""The content of the report: parts of the model, results of the heads, examples of the inputs."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline import branches
from pipeline.job import report_record as module
from pipeline.job.report_record import report_record
from pipeline.job.results import Results
from pipeline.job.resume import Origin
from pipeline.training.fit import FitResult
from tests import composed
from tests.branches.model_of import model_of

SPECIES = {"loss": 0.5, "skill": 0.75}
METRICS = {
    **{f"test/species_{word}": value for word, value in SPECIES.items()},
    "val/species_loss": 0.25,
    "test/body_mass_loss": 2.0,
    "val/body_mass_loss": 3.0,
}


@pytest.fixture(scope="module")
def results(untrained):
    """Made-up results on the test rows."""
    rows = len(untrained.dataset.splits["test"].rows)
    rng = np.random.default_rng(0)
    raw = {"species": rng.normal(size=(rows, 3)), "body_mass": rng.normal(size=(rows, 1))}
    raw = {name: values.astype("float32") for name, values in raw.items()}
    outputs = {"species": np.full((rows, 3), 1 / 3), "body_mass": np.full((rows, 1), 4000.0)}
    return Results(
        metrics=METRICS,
        epochs={"test": SimpleNamespace(raw=raw, outputs=outputs)},
        baseline_losses={"species": 1.0, "body_mass": None},
        contributions=[],
        ending=["kept epoch 2 of 2"],
        sentences=[],
        stand_ins={},
    )


@pytest.fixture(scope="module")
def record_of(untrained, results):
    """A function that collects the content of the report for these overrides."""

    def collected(*overrides, sentences=(), name="null"):
        cfg = composed.config(*composed.PENGUINS, f"tracking.run_name={name}")
        changed = Results(**{**vars(results), "sentences": list(sentences)})
        run = SimpleNamespace(url=lambda: "http://server/run", run_id="3f2a")
        history = {"val/loss": [2.0, 1.0]}
        fitted = FitResult(history, 2, {})
        return report_record(
            run,
            cfg,
            untrained,
            fitted,
            changed,
            Origin(list(overrides), {"data": "penguins"}, [Path.cwd()]),
            {"training": 1.5},
        )

    return collected


def test_the_title_is_the_name_or_the_data_the_heads_and_what_was_overridden(record_of):
    assert record_of("seed=1", name="mine").title == "mine"
    assert record_of("data=penguins", "seed=1").title == "penguins: species, body_mass · seed=1"
    assert record_of().title == "penguins: species, body_mass"


def test_the_record_says_how_to_run_it_again_and_what_happened(record_of):
    record = record_of("seed=1", "trainer=quick")
    assert record.command == "python -m pipeline.train seed=1 trainer=quick"
    assert "units:\n    - 4" in record.config_yaml
    assert "${" not in record.config_yaml
    assert record.run_url == "http://server/run"
    assert (record.history, record.best_epoch) == ({"val/loss": [2.0, 1.0]}, 2)
    assert record.ending == ["kept epoch 2 of 2"]
    assert record.phases == {"training": 1.5}


def test_the_facts_are_the_run_its_seed_its_rows_and_the_heads_that_lack_labels(record_of, untrained):
    run, time, seed, rows, *lacking = record_of().facts
    assert (run, seed) == ("run 3f2a", "seed 0")
    assert time[:2] == "20"
    assert rows.startswith(f"rows: train {len(untrained.dataset.splits['train'].rows)}, val ")
    shares = untrained.dataset.labelled_shares()
    assert bool(lacking) == any(share < 1 for share in shares.values())


def test_insight_is_a_section_only_if_it_has_something_to_say(record_of):
    assert [section.title for section in record_of().sections] == ["Sets and intervals"]
    section, _ = record_of(sentences=["Branch traits helps."]).sections
    assert section.title == "Insight"


def test_a_head_has_its_own_metrics_labels_and_losses_in_the_order_of_the_test_rows(
    record_of, untrained, results
):
    species, mass = (record_of().heads[name] for name in ("species", "body_mass"))
    rows, epoch = untrained.dataset.splits["test"], results.epochs["test"]
    assert (species.kind, species.loss, species.weight) == ("category", "SparseCategoricalCrossentropy", 1.0)
    assert species.names == ["Adelie", "Chinstrap", "Gentoo"]
    assert (species.test, species.val) == (SPECIES, {"loss": 0.25})
    assert (mass.test, mass.val) == ({"loss": 2.0}, {"loss": 3.0})
    np.testing.assert_array_equal(species.labels, rows.labels["species"])
    np.testing.assert_array_equal(species.rows, rows.rows)
    np.testing.assert_array_equal(mass.outputs, epoch.outputs["body_mass"])
    errors = (rows.labels["body_mass"] - epoch.raw["body_mass"])[:, 0] ** 2
    np.testing.assert_allclose(mass.row_loss, errors, rtol=1e-5)
    assert 3000 < np.nanmean(mass.labels) < 5000


def test_a_baseline_without_labels_is_nan(record_of):
    heads = record_of().heads
    assert heads["species"].baseline == 1.0
    assert np.isnan(heads["body_mass"].baseline)


def test_layers_that_are_side_by_side_are_one_entry_and_a_branch_shows_its_input(record_of, untrained):
    part = next(part for part in record_of().parts if part.group == "branch")
    assert part.source == "table"
    assert {"island", "sex", "bill_length_mm"} <= set(part.details)
    labels = [label for label, _, _ in part.layers]
    assert labels[:2] == ["2 × Embedding", "Concatenate"]
    model = untrained.model.get_layer("branch_traits")
    assert sum(parameters for _, _, parameters in part.layers) == model.count_params()


def test_examples_are_the_raw_test_rows_of_each_input(record_of, untrained):
    (traits,) = record_of().inputs.values()
    raw = untrained.dataset.splits["test"].raw
    assert traits.kind == "table"
    assert traits.values.keys() == untrained.dataset.inputs["traits"].specs().keys()
    for key, values in traits.values.items():
        np.testing.assert_array_equal(values, raw[key])


def test_the_parts_are_those_of_the_model_with_all_their_weights(record_of, untrained):
    parts = record_of().parts
    assert [(part.group, part.name) for part in parts] == [
        ("branch", "traits"),
        ("fusion", "fusion"),
        ("head", "species"),
        ("head", "body_mass"),
    ]
    assert [part.loss for part in parts] == [None, None, "SparseCategoricalCrossentropy", "MeanSquaredError"]
    assert [part.weight for part in parts] == [None, None, 1.0, 1.0]
    weights = sum(number for part in parts for _, _, number in part.layers)
    assert weights == untrained.model.count_params()
    species = untrained.model.get_layer("head_species")
    assert parts[2].layers[-1] == ("Dense", "3", species.count_params())


def test_layers_have_their_kernel_activation_output_and_weights():
    part = branches.Conv2D(filters=[2], padding="valid", pool_size=1)
    layers = module._layers(model_of(part, (6, 6, 1)))
    assert layers[0] == ("Conv2D 3×3 relu", "4 × 4 × 2", 9 * 2 + 2)
    assert layers[-1][1] == "2"


def test_sizes_that_vary_are_question_marks_and_linear_layers_have_no_activation():
    entry = keras.Input((None, 3))
    model = keras.Model(entry, keras.layers.Conv1D(2, 5, padding="same")(entry))
    assert module._layers(model) == [("Conv1D 5", "? × 2", 32)]


def test_an_output_of_a_plain_operation_has_a_line_of_its_own():
    entry = keras.Input((4, 3))
    model = keras.Model(entry, keras.ops.max(keras.layers.Dense(2)(entry), axis=1))
    assert module._layers(model) == [("Dense", "4 × 2", 8), ("pooled", "2", 0)]
