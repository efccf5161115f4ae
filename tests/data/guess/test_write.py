"""The written config is YAML that Hydra reads as it is meant, whatever the names of columns are."""

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from pipeline import config, data, init
from pipeline.config.make import maker
from pipeline.data.guess.write import as_yaml, scalar
from tests.data.guess.guesses import RANDOM, ROWS, plan_of, write

ODD = [
    *("a b", "größe", "x\ny", 'q"uote', "it's", "100 %", "a:b", "a: b", "a #c", "[k]", "{z}", "${w}", "a/b"),
    *("日本", "dot.ted", "p, q", "&amp", "*s", "a\\b", "\\${c}", "yes", "12", "-", "@h", "!tag", "| x"),
    *("null", "1e3", "true", "~", "?", "%", "`", "e\u0301", "tab\there", "🦆", "\u0085next", "\u2028line"),
]


@pytest.mark.parametrize(
    "text", [*ODD, "", " a", "no", "on", "y", "0x1", "1_000", "=", "<<", ".inf", "2024-01-01"]
)
def test_a_text_stays_that_text(text):
    written = f"key: {scalar(text)}\nlist: {scalar([text, 1])}\n"
    assert len(written.splitlines()) == 2
    loaded = OmegaConf.create(written)
    assert (loaded.key, loaded.list[0]) == (text, text)


def load(out):
    """The data set of a written config, as training loads it."""
    folders = [out.parent.parent]
    with init.composed(out) as cfg:
        config.check(cfg, folders=folders)
        node = maker()(cfg.data)
        node.pop("leaks")
        return data.load(**node, folders=folders)


def test_columns_of_any_name_are_loaded(tmp_path):
    columns = {name: RANDOM.normal(size=ROWS).round(3) for name in ODD}
    target = "größe, [cm]: ${x}"
    write(tmp_path, "odd (1).csv", **columns, **{target: RANDOM.choice(["up: 1", "down # 2"], ROWS)})
    (tmp_path / "data").mkdir()
    out = tmp_path / "data" / "mine.yaml"
    out.write_text(as_yaml(plan_of(tmp_path, ["odd (1).csv"], [target])), encoding="utf-8")
    dataset = load(out)
    assert len(dataset.inputs["table"].numeric) == len(ODD)
    assert dataset.targets["grosse_cm_x"].yes in ("up: 1", "down # 2")


def test_comments_are_on_one_line_and_aligned(tmp_path):
    cells = RANDOM.choice(["a\nb", "c\u2028d", "#"], ROWS)
    write(
        tmp_path, word=cells, x=RANDOM.normal(size=ROWS), longer_name=RANDOM.normal(size=ROWS), y=cells[::-1]
    )
    text = as_yaml(plan_of(tmp_path, ["s.csv"], ["y"]), header=["hello"])
    assert text.startswith("# hello\nsources:")
    assert yaml.safe_load(text)["targets"]
    columns = {line.index(" # ") for line in text.splitlines() if line.startswith("      - ")}
    assert len(columns) == 1


def test_words_for_missing_numbers_are_written(tmp_path):
    x = np.where(RANDOM.random(ROWS) > 0.8, "?", RANDOM.normal(size=ROWS).round(3).astype(str))
    write(tmp_path, x=x, y=RANDOM.choice(["a", "b", "c"], ROWS))
    found = yaml.safe_load(as_yaml(plan_of(tmp_path, ["s.csv"], ["y"])))["sources"]["s"]
    assert found["path"] == "s.csv"
    assert {"NA", "?"} <= {*found["missing"]}
