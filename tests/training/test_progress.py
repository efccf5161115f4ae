"""What standard error tells of the epochs of a training."""

import logging

import pytest

from pipeline.training import progress
from pipeline.training.progress import HEADER_EVERY, Progress

LOGS = {
    "train/loss": 1.23456,
    "val/loss": 2.0,
    "val/skill": 0.25,
    "val/class_loss": 0.75,
    "val/class_skill": 0.5,
    "val/score_loss": 123456.0,
    "time/epoch_s": 2.0,
}


@pytest.fixture(autouse=True)
def without_a_pause(monkeypatch):
    monkeypatch.setattr(progress, "PAUSE", 0.0)


def train(made, logs, epochs=None):
    made.set_params({"epochs": epochs or len(logs)})
    made.on_train_begin()
    for epoch, values in enumerate(logs):
        made.on_epoch_begin(epoch)
        made.rows_done(50)
        made.on_epoch_end(epoch, values)


def lines(capsys):
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_titles_stand_above_their_columns_with_many_epochs_too(capsys):
    train(Progress(["a"], rows=100, width=80), [LOGS], epochs=100_000)
    title, line = lines(capsys)
    assert line.startswith("     1/100000")
    assert title.index("val loss") + len("val loss") == line.index("2.0000") + len("2.0000")


def test_each_epoch_has_a_line_below_its_titles(capsys):
    train(Progress(["class", "score"], rows=100), [LOGS, LOGS], epochs=4)
    title, first, second = lines(capsys)
    assert title.split()[0] == "epoch"
    titles = ["class loss", "class skill", "score loss", "score skill", "best", "left"]
    assert [word for word in titles if word in title] == titles
    numbers = ["1.2346", "2.0000", "0.2500", "0.7500", "0.5000", "123456.0"]
    assert first.split() == ["1/4", *numbers, "-", "-", "<0:06"]
    assert second.endswith(" 0:04")
    assert len(title) == len(first) == len(second)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("heads", [1, 2, 5, 12])
def test_a_line_fits_the_width(capsys, heads, width):
    names = ["a head with quite a long name", *(f"head_{number}" for number in range(heads - 1))]
    train(Progress(names, rows=100, width=width), [LOGS])
    assert all(len(line) <= width for line in lines(capsys))


def test_without_room_for_all_losses_only_skills_are_shown(capsys):
    names = [f"head{number}" for number in range(3)]
    train(Progress(names, rows=100, width=80), [{"val/head2_skill": 0.125}])
    title, line = lines(capsys)
    assert "head0 loss" not in title
    assert "head2" in title
    assert "0.1250" in line


def test_heads_without_room_are_counted_once(capsys):
    names = [f"head_{number}" for number in range(12)]
    train(Progress(names, rows=100, width=80), [LOGS] * 2)
    first, title, *_ = lines(capsys)
    assert first.startswith(f"no room for the skill of {12 - title.count('head_')} heads, see MLflow: head_")


def test_the_best_epoch_so_far_goes_by_the_monitor_and_its_direction(capsys):
    values = [3.0, 1.0, 2.0]
    for monitor, best in (("val/loss", ["1", "2", "2"]), ("val/skill", ["1", "1", "1"])):
        train(Progress(["a"], rows=9, monitor=monitor), [LOGS | {monitor: value} for value in values])
        assert [line.split()[4] for line in lines(capsys)[1:]] == best


def test_a_resumed_run_remembers_its_best_epoch(capsys):
    made = Progress(["a"], rows=9, monitor="val/loss")
    made.recall({"val/loss": [5.0, 0.5, 3.0]})
    train(made, [LOGS])
    assert lines(capsys)[-1].split()[4] == "2"


def test_the_titles_are_repeated(capsys):
    train(Progress(["a"], rows=9), [LOGS] * (HEADER_EVERY + 1))
    assert [number for number, line in enumerate(lines(capsys)) if "val loss" in line] == [
        0,
        HEADER_EVERY + 1,
    ]


def test_epochs_that_follow_quickly_share_a_line_but_the_log_has_all(capsys, caplog, monkeypatch):
    monkeypatch.setattr(progress, "PAUSE", 60.0)
    with caplog.at_level(logging.INFO):
        train(Progress(["a"], rows=9), [LOGS] * 5)
    assert [line.split()[0] for line in lines(capsys)[1:]] == ["1/5", "5/5"]
    assert [line.split()[0] for line in caplog.messages[1:]] == ["1/5", "2/5", "3/5", "4/5", "5/5"]


def test_the_time_left_does_not_count_the_slow_first_epoch(capsys):
    slow, quick = LOGS | {"time/epoch_s": 100.0}, LOGS | {"time/epoch_s": 1.0}
    train(Progress(["a"], rows=9), [slow, quick, quick], epochs=7)
    assert lines(capsys)[-1].endswith(" 0:04")


def test_a_long_epoch_shows_its_rows_in_a_bar_that_never_goes_backwards(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    made = Progress([], rows=100)
    made.set_params({"epochs": 1})
    made.on_epoch_begin(0)
    assert made.bar.total == 100
    for rows, shown in ((30, 30), (70, 70), (70, 70)):
        made.rows_done(rows)
        assert made.bar.n == shown
    made.on_epoch_end(0, LOGS)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0:00"), (59.7, "1:00"), (754, "12:34"), (3723, "1:02:03")]
)
def test_the_time_left_is_shown_as_a_clock(capsys, seconds, shown):
    train(Progress(["a"], rows=9), [LOGS | {"time/epoch_s": seconds}], epochs=2)
    assert lines(capsys)[-1].split()[-1] == f"<{shown}"  # after one epoch, which traced the graphs
