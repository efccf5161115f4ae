"""The callback that hands each epoch's metrics on."""

from pipeline.tracking.epochs import LogEpochs


def test_the_step_of_an_epoch_is_the_number_of_epochs_completed():
    put = []
    callback = LogEpochs(lambda metrics, step: put.append((metrics, step)))
    callback.on_epoch_end(0, {"train/loss": 0.5})
    callback.on_epoch_end(1)
    assert put == [({"train/loss": 0.5}, 1), ({}, 2)]
