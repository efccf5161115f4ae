"""Each head's own best epoch, and when a head is released."""

from pipeline.training.head_progress import HeadProgress


def after(losses, patience=2):
    """The progress after epochs with these losses of head `a`; those of head `b` fall."""
    progress = HeadProgress(patience)
    for epoch, loss in enumerate(losses, start=1):
        metrics = {"val/b_loss": 1 / epoch} | ({} if loss is None else {"val/a_loss": loss})
        progress.offer(epoch, metrics, ["a", "b"])
    return progress


def test_the_epoch_with_the_lowest_loss_is_a_heads_best():
    assert after([3.0, 1.0, 2.0]).best_epoch == {"a": 2, "b": 3}
    assert after([3.0, 1.0, 2.0]).best_loss["a"] == 1.0


def test_an_equal_loss_is_no_better():
    assert after([1.0, 1.0]).best_epoch["a"] == 1


def test_a_head_is_released_when_its_patience_is_exhausted():
    assert after([1.0, 2.0]).released == {}
    assert after([1.0, 2.0, 3.0]).released == {"a": 3}
    assert after([1.0, 2.0, 3.0, 4.0]).released == {"a": 3}


def test_a_head_that_improves_again_is_not_released():
    assert after([2.0, 3.0, 1.0, 2.0]).released == {}


def test_a_released_head_has_no_weight_in_the_loss():
    assert after([1.0, 2.0, 3.0]).trained({"a": 2.0, "b": 0.5}) == {"a": 0.0, "b": 0.5}


def test_without_patience_no_head_is_released():
    assert after([1.0, 2.0, 3.0, 4.0], patience=None).released == {}


def test_epochs_without_labels_do_not_count():
    assert after([1.0, None, None, 0.5]).best_epoch["a"] == 4
