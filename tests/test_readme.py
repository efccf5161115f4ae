"""Every command of the README runs, made small."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests import processes

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
SMALL = [
    "trainer.epochs=1",
    "trainer.early_stopping=null",
    "branches.image.filters=[4]",
    "branches.series.filters=[4]",
]
RUN, OTHER = "RUN_ID", "OTHER_ID"  # single words, which the shell's rules leave whole
TABLE = ["trainer.epochs=1", "trainer.early_stopping=null"]


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = [
        line.replace("<run id>", RUN).replace("<other run id>", OTHER)
        for block in blocks
        for line in block.splitlines()
    ]
    return [shlex.split(line) for line in lines]


def small(words: list[str]) -> list[str]:
    if words[2] == "pipeline.train" and not any(word.startswith("resume=") for word in words):
        return [*words, *(TABLE if {"data=penguins", "data=birds"} & {*words} else SMALL)]
    return words


@pytest.mark.slow
def test_every_command_of_the_readme_runs(tmp_path):
    run_ids: list[str] = []
    assert len(commands()) >= 12
    for words in commands():
        if words[2] == "pipeline.ui":
            continue  # a server: tests/test_ui.py
        ids = dict(zip((RUN, OTHER), run_ids, strict=False))
        words = [ids.get(word, word.replace(RUN, next(iter(run_ids), ""))) for word in small(words)]
        done = processes.run([sys.executable, *words[1:]], tmp_path)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        run_ids += re.findall(r"^run (\w+)$", done.stdout, re.MULTILINE)
    assert (tmp_path / "predictions.parquet").exists()


def test_every_link_of_the_readme_leads_to_a_file():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert len(links) >= 8
    for link in links:
        assert (ROOT / link).exists(), link
