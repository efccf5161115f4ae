"""Turns the history and the predictions of one run into figures, tables and one self-contained page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from pipeline.page.elements import Heading, Section
from pipeline.page.style import legend_of, look, prose
from pipeline.page.write import write_page
from pipeline.report.chosen import choice, drawn_heads
from pipeline.report.examples import worst, worst_drawing, worst_table
from pipeline.report.learning import head_curves, learning_section, time_section
from pipeline.report.picture import model_section
from pipeline.report.record import HeadResult, InputExamples, Part, Record, Why
from pipeline.report.reliability import reliability_drawing
from pipeline.report.results import all_scores, headlines, result_drawings, result_tables, skills
from pipeline.report.why import why_drawing

__all__ = [
    "HeadResult",
    "InputExamples",
    "Part",
    "Record",
    "Why",
    "write",
    "write_heads",
]


def write(folder: Path, record: Record) -> None:
    """Writes `folder`/report.html, `folder`/figures/*.png and `folder`/tables/*.csv.

    Of hundreds of heads only those with the lowest skill are drawn. The page contains its figures, so it
    needs no network. matplotlib's global state is restored.

    Raises:
        ValueError: arrays have different numbers of test rows, or a section's bytes are not a PNG.

    Example:
        report.write(Path("report"), record)
    """
    _check_rows(record)
    drawn = drawn_heads(record.heads)
    whys = record.explain(drawn)
    with look(_words(record)):
        sections = [
            _result_section(record),
            *record.sections,
            learning_section(record),
            *(_head_section(record, name, whys.get(name)) for name in drawn),
            model_section(record.parts),
            *([time_section(record.phases)] if record.phases else []),
        ]
        write_page(folder, _heading(record), sections)


def write_heads(folder: Path, heading: Heading, record: Record, first: Sequence[Section], file: str) -> None:
    """Writes the page `file` with each head's results but no learning curves, for rows of any origin.

    Args:
        record: only its heads and inputs are used.
        first: the sections above those of the heads.

    Raises:
        ValueError: arrays have different numbers of rows.
    """
    _check_rows(record)
    with look(_words(record)):
        drawn = drawn_heads(record.heads)
        if len(drawn) < len(record.heads):
            first = [Section("Heads", [choice(record.heads)]), *first]
        sections = [*first, *(_head_section(record, name, curves=False) for name in drawn)]
        write_page(folder, heading, sections, file)


def _heading(record: Record) -> Heading:
    run, *facts = record.facts
    url = record.run_url
    linked = url and url.startswith(("http://", "https://"))
    shown = Markup('<a href="{}">{}</a>').format(url, run) if linked else run
    note = Markup(" · ").join([shown, *facts])
    return Heading(record.title, note, record.command, record.config_yaml)


def _result_section(record: Record) -> Section:
    paragraphs: list[str] = [Markup("<strong>Warning: {}</strong>").format(text) for text in record.warnings]
    paragraphs.append(prose(record.ending))
    drawn = {name: record.heads[name] for name in drawn_heads(record.heads)}
    paragraphs += [choice(record.heads)] if len(drawn) < len(record.heads) else []
    tables = headlines(record.heads) | {"scores": all_scores(record.heads)}
    return Section("Result", paragraphs, {"skill": skills(drawn)}, tables)


def _head_section(record: Record, name: str, why: Why | None = None, *, curves: bool = True) -> Section:
    head = record.heads[name]
    unlabelled = int((head.row_loss != head.row_loss).sum())
    paragraphs = (
        [f"{unlabelled:,} of {len(head.rows):,} test rows have no label for {name}."] if unlabelled else []
    )
    if head.kind in ("category", "labels", "number") and legend_of(head.names):
        paragraphs.append(legend_of(head.names))
    figures = {
        f"curves_{name}": head_curves(record, name) if curves else None,
        **result_drawings(name, head),
        f"reliability_{name}": reliability_drawing(name, head),
        f"worst_{name}": worst_drawing(record, name),
        f"why_{name}": why_drawing(record, name, why) if why else None,
    }
    return Section(
        f"Head {name}",
        paragraphs,
        {key: drawing for key, drawing in figures.items() if drawing is not None},
        {**result_tables(name, head), f"worst_{name}": worst_table(record, name)},
    )


def _words(record: Record) -> Iterator[str]:
    yield from record.inputs
    yield from record.phases
    for part in record.parts:
        yield part.name
    for name, head in record.heads.items():
        yield name
        yield from head.names
        for examples in record.inputs.values():
            if examples.kind in ("text", "table"):
                yield from (
                    str(values[index]) for values in examples.values.values() for index in worst(head)
                )


def _check_rows(record: Record) -> None:
    for name, head in record.heads.items():
        arrays = {"labels": head.labels, "outputs": head.outputs, "row_loss": head.row_loss}
        arrays |= {
            key: values for examples in record.inputs.values() for key, values in examples.values.items()
        }
        for key, values in arrays.items():
            if len(values) != len(head.rows):
                raise ValueError(f"{key} has {len(values)} rows, head {name} has {len(head.rows)} test rows")
