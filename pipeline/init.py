"""Writes a data config for files: `python -m pipeline.init sources=[a.csv] targets=[y] out=conf/data/a.yaml`.

Without targets, it lists the columns that can be targets.
"""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import CONF, resolved
from pipeline.config import expand as expand_parts
from pipeline.config.quoting import quoted, split_list
from pipeline.errors import ConfigError, printable
from pipeline.heavy_imports import importing
from pipeline.paths import expand, refuse_input, write_text
from pipeline.rules import FLAG, TEXT, TEXTS, Rule, check_node, list_of, or_null
from pipeline.terminal import show

if TYPE_CHECKING:
    from pipeline.data.guess import TargetGuess

LISTS = ("sources", "targets")  # keys whose values are names, whatever they look like
FOLDER, SUFFIX = "data", ".yaml"
NAMES = Rule(lambda value: TEXT.test(value) or list_of(TEXT).test(value), "columns")
KEYS = {"sources": TEXTS, "targets": NAMES, "out": or_null(TEXT), "overwrite": FLAG}
AUTO = ["branches=auto", "heads=auto"]


def check(cfg: DictConfig) -> None:
    """Raises ConfigError for a wrong key, a file that does not exist, or an output that cannot be written."""
    config = resolved(cfg)
    check_node("", config, KEYS)
    read = [path for file in as_list(config["sources"]) for path in expand(file, [Path.cwd()], "sources")]
    if config["out"] is not None:
        refuse_input(Path(config["out"]), read, "out")
        check_out(Path(config["out"]), overwrite=config["overwrite"])
    elif as_list(config["targets"]):
        raise ConfigError("out", "the file to write is missing", allowed="out=my_conf/data/<name>.yaml")


def check_out(out: Path, *, overwrite: bool) -> None:
    """Checks that a data config of this name can be written and found again."""
    if out.suffix != SUFFIX or out.parent.name != FOLDER:
        allowed = "<folder>/data/<name>.yaml; --config-dir <folder> data=<name> then uses it"
        raise ConfigError("out", "not the place of a data config", found=out, allowed=allowed)
    if (CONF / FOLDER / out.name).exists() and out.resolve().parent != (CONF / FOLDER).resolve():
        problem = "a data set of this name comes with the program, and --config-dir does not replace it"
        raise ConfigError("out", problem, found=out.stem, allowed="another name")
    if out.exists() and not overwrite:
        raise ConfigError("out", "the file exists", found=out, allowed="another name, or overwrite=true")


@verb(config_name="init", check=check, texts=("out",))
def command(cfg: DictConfig) -> None:
    """Lists candidates, or writes and checks a config."""
    config = resolved(cfg)
    files, targets = as_list(config["sources"]), as_list(config["targets"])
    with importing():
        from pipeline.data import guess

    out = None if config["out"] is None else Path(config["out"])
    sources = guess.open_sources(files, [Path.cwd()])
    folders = [Path.cwd(), *(file.parent for source in sources for file in source.files)]
    roots = guess.Roots(list(dict.fromkeys(folders)))
    if not targets:
        show(printable(candidates(guess.candidates(sources, roots), files, out)), sys.stdout)
        return
    assert out is not None  # `check` refuses targets without it
    plan = guess.make_plan(sources, targets, roots)
    text = guess.as_yaml(plan, header=header(files, plan.sampled, train_words(out)))
    write_text(out, text)
    show(printable(text), sys.stdout)
    show(f"{out} is written; its comments say why. Change what is wrong, then check it again.\n", sys.stdout)
    check_written(out)


def main() -> None:
    """Runs the command; file names and columns need no quotes of Hydra's."""
    sys.argv[1:] = overrides(sys.argv[1:])
    command()


def overrides(words: Sequence[str]) -> list[str]:
    """Translates a command line to Hydra's grammar.

    Example:
        >>> overrides(["sources=[rows (1).csv,b.npz]", "targets=2024", "out=x"])
        ["sources=['rows (1).csv','b.npz']", "targets=['2024']", 'out=x']
    """
    translated = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in LISTS and value not in ("null", "???"):
            value = f"[{','.join(map(quoted, split_list(value)))}]"
        translated.append(f"{key}{equals}{value}")
    return translated


def as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def listed(items: Sequence[str]) -> str:
    """Names as the command line takes them; those with a comma are in quotes."""
    return ",".join(quoted(item) if "," in item else item for item in items)


def header(files: Sequence[str], looked_at: int | None, train: Sequence[str]) -> list[str]:
    """The lines at the top of the config."""
    sampled = f", from a sample of {looked_at:,} rows" if looked_at else ""
    return [
        f"Written by python -m pipeline.init for {', '.join(files)}{sampled}. It is yours to change:",
        "the comments say why a column has its place and what else it might be.",
        shlex.join(["python", "-m", "pipeline.train", *train]),
    ]


def candidates(found: Sequence["TargetGuess"], files: Sequence[str], out: Path | None) -> str:
    """A table of the columns that can be targets, and the command to go on with."""
    from pipeline.data.guess import likely
    from pipeline.page.text_table import text_table
    from pipeline.terminal import terminal_width

    if not found:
        raise ConfigError("sources", "no column can be a target", found=", ".join(files))
    rows = [[one.cells.name or one.cells.reference, one.kind, one.why] for one in found]
    example = likely(found)
    name = out or Path("my_conf") / FOLDER / f"{example.cells.source}{SUFFIX}"
    words = [f"sources={listed(files)}", f"targets={listed([example.cells.name or example.cells.reference])}"]
    go_on = shlex.join(["python", "-m", "pipeline.init", *words, f"out={name}"])
    return "\n".join(
        [
            text_table([["column", "kind as a target", "what it holds"], *rows], terminal_width(sys.stdout)),
            "",
            "Name one or more of them as targets; all other columns become inputs. For example:",
            go_on,
        ]
    )


def train_words(out: Path) -> list[str]:
    """The arguments with which commands use the written config."""
    return ["--config-dir", str(out.parent.parent), f"{FOLDER}={out.stem}", *AUTO]


def check_written(out: Path) -> None:
    """Checks the written config, as `python -m pipeline.check` does, and prints the command to train.

    Raises:
        SystemExit: the check fails; with code 2.
    """
    from pipeline import check as check_command
    from pipeline import config

    words = train_words(out)
    folders = [Path.cwd(), out.parent.parent.absolute()]
    try:
        with composed(out) as cfg:
            config.check(cfg, folders=folders)
            page = check_command.page(cfg, folders=folders)
    except ConfigError as error:
        again = shlex.join(["python", "-m", "pipeline.check", *words])
        show(f"The check of {out} fails:\n{error}\nChange the file, then: {again}", sys.stderr)
        raise SystemExit(2) from error
    show(printable(f"{page}\n\n{shlex.join(['python', '-m', 'pipeline.train', *words])}"), sys.stdout)


@contextmanager
def composed(out: Path) -> Iterator[DictConfig]:
    """The config with which training would use a data config; Hydra can compose while the block runs."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()  # that of this command, which has done its work
    folder = quoted(f"file://{out.parent.parent.absolute()}")
    with initialize_config_dir(str(CONF)):
        words = [f"hydra.searchpath=[{folder}]", f"{FOLDER}={quoted(out.stem)}", *AUTO]
        yield expand_parts(compose("config", words))


if __name__ == "__main__":
    main()
