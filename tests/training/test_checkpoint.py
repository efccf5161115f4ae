import hashlib
import json

import keras
import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.training.checkpoint import (
    RestoreCallbacks,
    Saver,
    assign,
    callback_state,
    checkpoints,
    load,
    numbered_arrays,
    save,
)


def state(value):
    return {"model.0": np.full((3, 2), value), "model.1": np.array(value)}


def test_what_is_saved_is_loaded(tmp_path):
    save(tmp_path, 3, state(1.5), {"history": {"a": [1.0, float("nan")]}, "epoch": 3})
    arrays, facts = load(tmp_path)
    np.testing.assert_array_equal(arrays["model.0"], 1.5)
    assert facts["epoch"] == 3
    assert np.isnan(facts["history"]["a"][1])


def test_only_the_newest_two_stay(tmp_path):
    for epoch in range(1, 13):
        save(tmp_path, epoch, state(epoch), {})
    assert [path.name for path in checkpoints(tmp_path)] == ["epoch-000011", "epoch-000012"]
    assert load(tmp_path)[0]["model.1"] == 12


FAULTS = ["truncated", "no arrays", "no state", "garbled state", "other state", "other facts", "other bytes"]


def damage(folder, fault):
    arrays, facts = folder / "arrays.npz", folder / "state.json"
    if fault == "truncated":
        arrays.write_bytes(arrays.read_bytes()[:-30])
    elif fault == "no arrays":
        arrays.unlink()
    elif fault == "no state":
        facts.unlink()
    elif fault == "garbled state":
        facts.write_text(facts.read_text()[:10])
    elif fault == "other state":
        facts.write_text("[1]")
    elif fault == "other facts":
        facts.write_text(facts.read_text().replace('"epoch": 5', '"epoch": 4'))
    else:
        save(folder / "other", 2, state(9.0), {})
        arrays.write_bytes((folder / "other" / "epoch-000002" / "arrays.npz").read_bytes())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_checkpoint_is_passed_over_aloud_for_the_one_before(tmp_path, caplog, fault):
    for epoch in (4, 5):
        save(tmp_path, epoch, state(float(epoch)), {"epoch": epoch, "heads": {"released": {}}})
    damage(tmp_path / "epoch-000005", fault)
    assert load(tmp_path)[0]["model.1"] == 4
    assert "epoch-000005 is damaged and passed over" in caplog.text


def test_training_does_not_begin_anew_if_every_checkpoint_is_damaged(tmp_path):
    for epoch in (4, 5):
        save(tmp_path, epoch, state(float(epoch)), {"epoch": epoch})
        damage(tmp_path / f"epoch-00000{epoch}", "truncated")
    with pytest.raises(ConfigError, match="every checkpoint of this run is damaged"):
        load(tmp_path)


def test_a_checkpoint_of_version_0_1_has_no_checksum_of_its_facts(tmp_path):
    save(tmp_path, 1, state(1.0), {"epoch": 1})
    file = tmp_path / "epoch-000001" / "state.json"
    record = json.loads(file.read_text())
    del record["facts_sha256"]
    file.write_text(json.dumps(record))
    assert load(tmp_path)[1] == {"epoch": 1}


def test_without_any_whole_checkpoint_there_is_none(tmp_path):
    assert load(tmp_path) is None
    (tmp_path / ".epoch-000001-77").mkdir()
    assert load(tmp_path) is None


def test_a_checkpoint_of_the_same_epoch_takes_the_place_of_the_old(tmp_path):
    save(tmp_path, 1, state(1.0), {})
    save(tmp_path, 1, state(2.0), {})
    assert load(tmp_path)[0]["model.1"] == 2


def test_the_saver_saves_the_newest_state_before_it_ends(tmp_path):
    with Saver(tmp_path) as saver:
        for epoch in range(1, 30):
            saver.offer(epoch, state(epoch), {"epoch": epoch})
    assert load(tmp_path)[1]["epoch"] == 29


def test_a_full_disk_is_told_and_not_passed_over(tmp_path):
    saver = Saver(tmp_path / "file")
    (tmp_path / "file").write_text("no folder")
    saver.offer(1, state(1.0), {})
    with pytest.raises(OSError, match="file"):
        saver.close()


def test_variables_are_put_back_by_place_and_another_model_is_refused():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    arrays = numbered_arrays("model", model.variables)
    before = model.get_weights()
    model.set_weights([value + 1 for value in before])
    assign("model", model.variables, arrays)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="4 arrays for model, but this run has 2"):
        assign("model", model.variables[:2], arrays)


def test_a_callback_goes_on_where_it_was():
    losses = [1.0, 0.9, 0.95, 0.9, 0.89995, 0.9, 0.9, 0.9]
    for cut in range(1, len(losses)):
        whole, before, after = (plateau() for _ in range(3))
        feed(whole, 0, losses)
        feed(before, 0, losses[:cut])
        values = json.loads(json.dumps([callback_state(before)]))
        after.model.optimizer.learning_rate = float(before.model.optimizer.learning_rate)
        restore = RestoreCallbacks([after], values)
        after.on_train_begin()
        restore.on_train_begin()
        feed(after, cut, losses[cut:], begin=False)
        assert float(after.model.optimizer.learning_rate) == float(whole.model.optimizer.learning_rate) < 0.1


def plateau():
    callback = keras.callbacks.ReduceLROnPlateau("val/loss", patience=2, factor=0.5, mode="min")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1))
    callback.set_model(model)
    return callback


def feed(callback, first, losses, begin=True):
    if begin:
        callback.on_train_begin()
    for epoch, loss in enumerate(losses, first):
        callback.on_epoch_end(epoch, {"val/loss": loss})


def test_a_checkpoint_with_pickled_objects_is_refused_and_not_unpickled(tmp_path):
    save(tmp_path, 1, {"a": np.zeros(2)}, {})
    path = tmp_path / "epoch-000001"
    np.savez(path / "arrays.npz", a=np.array([Unpickled()], dtype=object))
    state = json.loads((path / "state.json").read_text())
    state["sha256"] = hashlib.sha256((path / "arrays.npz").read_bytes()).hexdigest()
    (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(ConfigError, match=r"arrays\.npz holds an array of Python objects"):
        load(tmp_path)


class Unpickled:
    """Fails the test when it is made of a pickle."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_callbacks_get_back_their_state_and_nothing_else():
    callback = keras.callbacks.EarlyStopping(monitor="a")
    callback.wait = 1
    RestoreCallbacks([callback], [{"wait": 3, "on_epoch_end": 4, "_model": 5}]).on_train_begin()
    assert (callback.wait, callable(callback.on_epoch_end), callback._model) == (3, True, None)
