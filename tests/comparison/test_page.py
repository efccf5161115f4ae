"""The comparison as a page and as text."""

from pipeline.comparison import page
from pipeline.comparison.verdicts import verdicts
from tests.comparison.sample import contender, predictions


def test_the_page_and_the_text_say_the_same(tmp_path):
    runs = [contender("first", predictions()), contender("second", predictions(shift=0.2), optimizer="sgd")]
    by_split = {split: verdicts(runs, split) for split in ("test", "val")}
    page.write(tmp_path, runs, by_split, "python -m pipeline.compare first second")
    written, text = (tmp_path / page.PAGE).read_text(), page.text(runs, by_split["test"])
    for words in ("worse", "reference", "optimizer", "class"):
        assert words in written
        assert words in text
    assert {figure.name for figure in (tmp_path / "figures").iterdir()} == {
        f"{split}_{head}.png" for split in by_split for head in ("class", "score")
    }


def test_the_text_is_aligned_and_marks_the_reference():
    runs = [contender("first", predictions()), contender("second", predictions(shift=0.2), optimizer="sgd")]
    lines = page.text(runs, verdicts(runs, "test")).split("\n")
    assert lines[:4] == ["config values that differ", "           first  second", "optimizer         sgd", ""]
    header, reference, other = lines[4:7]
    assert reference.endswith("reference")
    assert other.endswith("worse")
    assert header.index("verdict") == reference.index("reference") == other.index("worse")


def test_equal_configs_are_said_to_be_the_same():
    runs = [contender("first", predictions()), contender("second", predictions(seed=1))]
    assert page.text(runs, []) == "the configs are the same"
