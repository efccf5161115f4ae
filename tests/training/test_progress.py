"""What a terminal shows of a training."""

import pytest

from pipeline.training.progress import Progress

LOGS = {
    "train/loss": 1.23456,
    "val/loss": 2.0,
    "train/class_loss": 0.5,
    "val/class_loss": 0.75,
    "train/class_accuracy": 0.9,
    "time/epoch_s": 0.123,
}


def train(progress, epochs=2, logs=LOGS):
    progress.set_params({"epochs": epochs})
    for epoch in range(epochs):
        progress.on_epoch_begin(epoch)
        progress.rows_done(50)
        progress.on_epoch_end(epoch, logs)


def test_a_terminal_gets_a_title_and_one_line_for_each_epoch(capsys):
    train(Progress({"class": "accuracy", "score": None}, rows=100, shown=True))
    out, err = capsys.readouterr()
    title, *lines = err.splitlines()
    assert title.split("  ")[-1].strip() == "s"
    for word in ("epoch", "loss train|val", "class loss", "class accuracy", "score loss"):
        assert word in title
    assert len(lines) == 2
    assert lines[0].split()[0] == "1/2"
    assert "1.235 | 2" in lines[0]
    assert "0.5 | 0.75" in lines[0]
    assert lines[0].endswith("0.12")
    assert out == ""


def test_a_metric_that_is_undefined_is_a_dash(capsys):
    train(Progress({"class": "accuracy", "score": None}, rows=100, shown=True), epochs=1)
    line = capsys.readouterr().err.splitlines()[1]
    assert "0.9 | -" in line
    assert "- | -" in line


def test_columns_stand_below_their_titles(capsys):
    train(Progress({"class": "accuracy"}, rows=100, shown=True))
    lengths = {len(line) for line in capsys.readouterr().err.splitlines()}
    assert len(lengths) == 1


def test_a_long_epoch_shows_its_rows_in_a_bar_that_never_goes_backwards():
    progress = Progress({}, rows=100, shown=True)
    progress.set_params({"epochs": 1})
    progress.on_epoch_begin(0)
    assert progress.bar.total == 100
    for rows, shown in ((30, 30), (70, 70), (70, 70)):
        progress.rows_done(rows)
        assert progress.bar.n == shown
    progress.on_epoch_end(0, LOGS)
    assert progress.bar.disable or progress.bar.fp.closed is False


@pytest.mark.parametrize("shown", [False, None])
def test_nothing_is_shown_where_there_is_no_terminal(capsys, shown):
    train(Progress({"class": "accuracy"}, rows=100, shown=shown))
    assert capsys.readouterr() == ("", "")
