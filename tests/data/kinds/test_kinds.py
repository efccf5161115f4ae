"""What holds for every kind of input, and how a config entry becomes an input or a target."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pipeline import data
from pipeline.data.kinds import INPUTS, TARGETS, build
from pipeline.data.kinds.prepare import encoded, input_tensors, preparation, prepare_rows
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests import processes
from tests.data.small_data import COLUMN_SPLIT, KINDS, SPLIT, all_rows, load_input, prepare, restore

LOAD_ALONE = """
import sys, numpy as np, keras
model = keras.saving.load_model(sys.argv[1])
arrays = dict(np.load(sys.argv[2]))
tensor = keras.ops.convert_to_tensor
inputs = {name: tensor(arrays[name], dtype=one.dtype) for name, one in model.input.items()}
outputs = model(inputs)
np.savez(sys.argv[3], **{name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()})
assert not any(name.split(".")[0] == "pipeline" for name in sys.modules)
"""


@pytest.mark.slow
def test_a_saved_preparation_of_every_kind_gives_the_same_in_a_process_without_this_package(
    tmp_path: Path,
) -> None:
    tensors, outputs, arrays, expected = {}, {}, {}, {}
    for number, (label, (entry, columns)) in enumerate(KINDS.items()):
        name = f"x{number}"
        dataset = data.load({"s": {**columns, "split": SPLIT}}, {name: entry}, {}, COLUMN_SPLIT)
        source = dataset.inputs[name]
        own_tensors = input_tensors(source.specs())
        tensors |= own_tensors
        outputs[name] = source.prepare(own_tensors)
        raw = {key: all_rows(dataset, "raw", key) for key in source.specs()}
        arrays |= {
            key: values.astype(str) if values.dtype == object else values for key, values in raw.items()
        }
        expected[name] = prepare_rows(preparation(source), encoded(source, raw))
        assert outputs[name].shape[0] is None, label
    keras.Model(tensors, outputs).save(tmp_path / "model.keras")
    np.savez(tmp_path / "raw.npz", **arrays)
    files = [tmp_path / file for file in ("model.keras", "raw.npz", "out.npz")]
    process = processes.python(LOAD_ALONE, *files, where=tmp_path)
    assert process.returncode == 0, process.stderr[-2000:]
    with np.load(tmp_path / "out.npz") as results:
        for name, values in expected.items():
            np.testing.assert_allclose(results[name], values, atol=1e-6, rtol=0, equal_nan=True)


@pytest.mark.parametrize("label", KINDS)
def test_raw_arrays_have_the_shapes_and_dtypes_of_the_specs(label: str) -> None:
    entry, columns = KINDS[label]
    dataset = load_input(entry, **columns)
    for name, (shape, dtype) in dataset.inputs["x"].specs().items():
        values = dataset.splits["val"].raw[name]
        assert str(values.dtype) == {"string": "object"}.get(dtype, dtype)
        assert all(size in (None, actual) for size, actual in zip(shape, values.shape[1:], strict=True))


@pytest.mark.parametrize("label", KINDS)
def test_statistics_are_computed_from_training_rows_only(label: str) -> None:
    entry, columns = KINDS[label]
    changed = {}
    for name, values in columns.items():
        changed[name] = values.copy()
        # Rows 6 to 11 are not training rows; their new values occur in no training row.
        changed[name][6:] = "unheard" if values.dtype == object else (0 if name == "n" else values[6:] // 2)
    first, second = load_input(entry, **columns), load_input(entry, **changed)
    raw = first.splits["train"].raw
    np.testing.assert_array_equal(prepare(first, raw), prepare(second, raw))
    assert first.inputs["x"].vocabularies == second.inputs["x"].vocabularies


@pytest.mark.parametrize("label", ["image of bytes", "series", "vector", "table", "text"])
def test_restored_inputs_read_rows_like_fitted_ones(label: str) -> None:
    entry, columns = KINDS[label]
    fitted = load_input(entry, **columns).inputs["x"]
    rows, sources = np.array([7, 0, 11]), Sources({"s": columns})
    expected, raw = fitted.raw(sources, rows), restore(fitted, entry).raw(sources, rows)
    assert raw.keys() == expected.keys()
    for key in expected:
        assert raw[key].dtype == expected[key].dtype
        np.testing.assert_array_equal(raw[key], expected[key])


@pytest.mark.parametrize(
    ("entry", "key", "allowed"),
    [
        ({"kind": "vectr", "column": "s.a"}, "data.inputs.a.kind", "vector"),
        ({"kind": "vector", "colum": "s.a"}, "data.inputs.a.colum", "column"),
        ({"kind": "vector"}, "data.inputs.a.column", "<source>.<column>"),
        ({"kind": "vector", "column": 3}, "data.inputs.a.column", "<source>.<column>"),
        ({"kind": "vector", "column": []}, "data.inputs.a", "<source>.<column>"),
    ],
)
def test_a_wrong_entry_is_refused_with_what_is_allowed(entry: dict[str, Any], key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(entry, INPUTS, "data.inputs.a")
    assert caught.value.key == key
    assert allowed in str(caught.value).partition("allowed:")[2]


def test_every_kind_has_the_name_that_configs_use() -> None:
    for kinds in (INPUTS, TARGETS):
        assert list(kinds) == [part.kind for part in kinds.values()]
