import pytest

from pipeline import config
from pipeline.config.auto_trainer import batch_size, epochs_for, settle


@pytest.fixture
def trainer(compose):
    """The trainer's settings for some rows."""

    def settled(rows: int, *overrides: str) -> dict:
        cfg = compose(*overrides)
        config.check(cfg)
        return settle(cfg, rows).trainer

    return settled


def test_small_data_get_more_epochs_and_large_data_larger_batches():
    rows = [10, 240, 1_334, 4_489, 32_000, 33_000, 1_000_000]
    sizes = [batch_size(number) for number in rows]
    assert sizes == [32, 32, 32, 32, 32, 64, 256]
    epochs = [epochs_for(number, size) for number, size in zip(rows, sizes, strict=True)]
    assert epochs == [100, 100, 36, 20, 20, 20, 20]


def test_auto_is_replaced_by_numbers(trainer):
    found = trainer(240)
    assert (found.batch_size, found.epochs, found.early_stopping.patience) == (32, 100, 33)
    assert found.early_stopping.monitor == "val/skill_floored"
    assert trainer(10_000).early_stopping.patience == 8


def test_a_head_has_at_least_five_epochs_and_some_300_updates_to_improve(trainer):
    assert trainer(240).early_stopping.head_patience == 38
    assert trainer(10_000).early_stopping.head_patience == 5
    assert trainer(240, "trainer.early_stopping.head_patience=null").early_stopping.head_patience is None


def test_numbers_are_unchanged(trainer):
    found = trainer(240, "trainer.epochs=3", "trainer.batch_size=7", "trainer.early_stopping.patience=2")
    assert (found.batch_size, found.epochs, found.early_stopping.patience) == (7, 3, 2)
    assert trainer(240, "trainer.early_stopping=null").early_stopping is None


def test_the_number_of_epochs_depends_on_updates_not_on_batches(trainer):
    assert trainer(4_489, "trainer.accumulate=4").epochs == 42


def test_large_tables_get_bins(compose):
    def bins(rows, *overrides):
        return settle(compose("experiment=penguins", *overrides), rows).branches.traits.bins

    assert bins(1_999) == 0
    assert bins(2_000) == 16
    assert bins(1_999, "branches.traits.bins=4") == 4


def test_a_linear_path_needs_some_rows(compose):
    def skips(rows, *overrides):
        cfg = compose("experiment=penguins", *overrides)
        config.check(cfg)
        cfg = settle(cfg, rows)
        return cfg.branches.traits.skip, cfg.fusion.skip

    assert skips(99) == (False, False)
    assert skips(100) == (True, True)
    assert skips(12, "branches.traits.skip=true", "fusion.skip=true") == (True, True)
    assert "skip" not in settle(compose("experiment=penguins", "fusion=add"), 100).fusion


def test_a_head_with_few_labels_weighs_the_root_of_their_share(compose, caplog):
    cfg = config.expand(compose("heads=auto", "loss_weights.score=2"))
    config.check(cfg)
    assert settle(cfg, 1000).loss_weights == {"class": 1.0, "score": 2}
    assert settle(cfg, 1000, {"class": 0.95}).loss_weights["class"] == 1.0
    assert not caplog.text
    weights = settle(cfg, 1000, {"class": 0.04, "score": 0.04}).loss_weights
    assert weights == {"class": 0.2, "score": 2}
    assert "loss_weights.class=0.2, because 4 % of its training labels are there" in caplog.text
