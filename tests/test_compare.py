"""Runs held against each other: intervals from rows whose scores are known, and the command."""

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from pipeline import compare, config
from pipeline.comparison import page
from pipeline.comparison.bootstrap import differences, means, resampled_means
from pipeline.comparison.scores import aligned, row_scores, table
from pipeline.comparison.verdicts import Contender, differing, verdicts
from pipeline.errors import ConfigError
from tests.processes import command, run


def predictions(rows: int = 400, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Class right in about 80 %, score off by about 1; a shift makes both worse on every row."""
    rng = np.random.default_rng(0)
    own = np.random.default_rng(seed)
    truth = rng.normal(size=rows)
    label = np.array(["a", "b"], object)[rng.integers(0, 2, rows)]
    right = rng.uniform(size=rows) > 0.2 + shift
    return pd.DataFrame(
        {
            "row": np.arange(rows) * 2,
            "class_label": label,
            "class_predicted": np.where(right, label, "c"),
            "class_probability": 0.9,
            "class_loss": np.where(right, 0.1, 2.0) + 0.01 * own.normal(size=rows),
            "score_label": truth,
            "score_predicted": truth + 1 + shift + 0.1 * own.normal(size=rows),
            "score_loss": (1 + shift) ** 2,
        }
    )


def contender(name: str, frame: pd.DataFrame, **params: str) -> Contender:
    return Contender(f"id-{name}", name, params, {}, {"test": frame, "val": frame})


def test_intervals_of_a_mean_hold_it_as_often_as_they_say():
    rng = np.random.default_rng(1)
    held = 0
    for repeat in range(120):
        (found,) = means(rng.normal(3, 1, (60, 1)), seed=repeat)
        held += found.low <= 3 <= found.high
    assert 0.87 <= held / 120 <= 0.99


def test_equal_models_differ_by_noise_as_often_as_they_say():
    rng = np.random.default_rng(2)
    certain = sum(not differences(rng.normal(0, 1, (60, 2)), seed=i)[1].noise for i in range(120))
    assert certain <= 14


def test_pairing_sees_what_unpaired_intervals_hide():
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 1, 300)  # some rows are hard for every model
    scores = np.column_stack([hard, hard + 0.05 + 0.1 * rng.normal(size=300)])
    one, other = means(scores)
    assert one.low < other.value < one.high
    gap = differences(scores)[1]
    assert not gap.noise
    assert gap.value == pytest.approx(0.05, abs=0.02)


def test_more_runs_make_wider_intervals():
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(200, 10))
    few, many = differences(scores[:, :2])[1], differences(scores)[1]
    assert many.high - many.low > few.high - few.low


def test_rows_without_a_label_take_no_part():
    scores = np.array([[1.0, 2.0], [3.0, 5.0], [np.nan, np.nan]])
    assert differences(scores)[1].value == 1.5
    assert np.isfinite(resampled_means(np.vstack([scores] * 20))).all()


def test_scores_of_rows_are_those_of_the_metrics():
    frame = predictions()
    of_class, of_score = row_scores(frame, "class"), row_scores(frame, "score")
    assert of_class["accuracy"].mean() == pytest.approx((frame.class_label == frame.class_predicted).mean())
    assert of_score["mae"].mean() == pytest.approx((frame.score_label - frame.score_predicted).abs().mean())
    assert of_class["loss"].tolist() == frame.class_loss.tolist()
    frame.loc[0, "class_label"] = None
    assert np.isnan(row_scores(frame, "class")["accuracy"][0])


def test_yes_or_no_and_several_columns_have_scores():
    frame = pd.DataFrame(
        {
            "late_label": [1.0, 0.0, np.nan],
            "late_predicted": [0.9, 0.8, 0.1],
            "late_loss": [0.1, 1.0, np.nan],
            "both_label": [[1.0, 2.0], [3.0, np.nan], [0.0, 0.0]],
            "both_predicted": [[2.0, 4.0], [4.0, 0.0], [5.0, 5.0]],
            "both_loss": 1.0,
        }
    )
    np.testing.assert_equal(row_scores(frame, "late")["accuracy"], [1, 0, np.nan])
    np.testing.assert_allclose(row_scores(frame, "both")["mae"], [1.5, 1, 5])


def test_rows_are_matched_by_their_number_whatever_their_order():
    frame = predictions()
    other = frame.sample(frac=0.5, random_state=0)
    one, two = aligned({"a": frame, "b": other}).values()
    assert len(one) == len(two) == 200
    assert one.index.tolist() == two.index.tolist()
    loss = table([one, two], "class")["loss"]
    np.testing.assert_allclose(loss[:, 0], loss[:, 1])


def test_other_data_is_refused():
    frame = predictions()
    with pytest.raises(ConfigError, match="no row was predicted by all"):
        aligned({"a": frame, "b": frame.assign(row=frame.row + 1)})
    with pytest.raises(ConfigError, match="other labels of score"):
        aligned({"a": frame, "b": frame.assign(score_label=frame.score_label + 1)})


def test_a_worse_run_is_worse_a_like_one_is_within_noise_and_itself_the_same():
    runs = [
        contender("first", predictions()),
        contender("worse", predictions(shift=0.2)),
        contender("like", predictions(seed=1)),
        contender("copy", predictions()),
    ]
    words = {(one.run, one.head, one.metric): one.words() for one in verdicts(runs, "test")}
    assert words["worse", "class", "accuracy"] == "worse"
    assert words["worse", "score", "mae"] == "worse"
    assert words["like", "score", "mae"] == "within noise"
    assert words["copy", "class", "loss"] == "the same"
    turned = {(one.run, one.metric): one.words() for one in verdicts(runs[1::-1], "test")}
    assert turned["first", "accuracy"] == "better"


def test_a_head_that_only_some_runs_have_is_compared_where_it_is():
    without = predictions().drop(columns=[name for name in predictions() if name.startswith("score")])
    runs = [contender("a", predictions()), contender("b", without), contender("c", predictions(shift=0.1))]
    found = verdicts(runs, "test")
    assert {one.run for one in found if one.head == "score"} == {"a", "c"}
    assert {one.run for one in found if one.head == "class"} == {"a", "b", "c"}


def test_only_what_differs_is_told_and_no_book_keeping():
    one = contender("a", predictions(), **{"optimizer": "adam", "seed": "0", "tracking.run_name": "x"})
    two = contender("b", predictions(), **{"optimizer": "sgd", "seed": "0", "loss_weights.class": "2"})
    assert differing([one, two]) == [["loss_weights.class", "", "2"], ["optimizer", "adam", "sgd"]]


def test_the_page_and_the_terminal_tell_the_same(tmp_path):
    runs = [contender("first", predictions()), contender("second", predictions(shift=0.2), optimizer="sgd")]
    found = {split: verdicts(runs, split) for split in ("test", "val")}
    page.write(tmp_path, runs, found, "python -m pipeline.compare first second")
    written, text = (tmp_path / page.PAGE).read_text(), page.text(runs, found["test"])
    for words in ("worse", "the reference", "optimizer", "class"):
        assert words in written
        assert words in text
    assert {figure.name for figure in (tmp_path / "figures").iterdir()} == {
        f"{split}_{head}.png" for split in found for head in ("class", "score")
    }


def typed(*words):
    """The config that a command line makes of conf/compare.yaml."""
    with initialize_config_dir(str(config.CONF)):
        return compose("compare", overrides=compare.overrides(words))


@pytest.mark.parametrize(
    "names",
    [["3f2a", "91bc"], ["class=0.5 adam", "it's, [one]"], ["8188", "8e1", "true"], ["C:\\a\\", "\\'", "ж x"]],
)
def test_words_that_are_no_option_name_runs_whatever_they_look_like(names):
    assert list(typed(*names).runs) == names
    assert typed(*names, "output=a b", "sweep=12").output == "a b"
    assert typed("sweep=12").sweep.name == "12"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "runs: name at least two runs"),
        (["a"], "runs: name at least two runs"),
        (["sweep=s", "a"], "sweep: compare either runs or a sweep"),
    ],
)
def test_two_runs_or_one_sweep_must_be_named(words, problem):
    with pytest.raises(ConfigError, match=problem):
        compare.check(typed(*words))
    compare.check(typed("a", "b"))
    compare.check(typed("sweep=s"))


def test_a_folder_without_runs_ends_with_code_2_and_a_message(tmp_path):
    done = run(command("compare", "one", "two"), tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("tracking.uri: nothing was recorded here")
    assert not list(tmp_path.iterdir())
