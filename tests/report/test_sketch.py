"""Small drawings of one row of an input, of every kind and with missing values."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from pipeline.page.style import GREY, sheet
from pipeline.report import InputExamples, sketch
from tests.pages import assert_nothing_cut, texts, words
from tests.report.sample import NAN, images


def draw(kind, rows=(0,), **values):
    """A sheet with the given rows of one input below each other."""
    figure, axes = sheet(1.4, 1.5 * len(rows))
    for line, row in enumerate(rows):
        sketch.draw_input(axes, (0.1, 0.2 + 1.5 * line, 1.2), InputExamples(kind, values), row)
    return figure


def test_images_are_drawn_in_their_own_colours(drawing):
    gray, colour = images(2), images(2, channels=3)
    (drawn,) = draw("image", gray=gray).axes[0].images
    assert np.allclose(drawn.get_array(), gray[0, ..., 0] / 255)
    assert drawn.get_cmap().name == "gray"
    assert drawn.get_clim() == (0, 1)
    (drawn,) = draw("image", [1], colour=colour).axes[0].images
    assert np.allclose(drawn.get_array(), colour[1] / 255)


def test_an_image_is_drawn_when_all_the_others_are_missing(drawing):
    lone = np.full((102, 4, 4, 1), NAN, dtype=np.float32)
    lone[101] = 0.5
    (drawn,) = draw("image", [101], image=lone).axes[0].images
    assert drawn.get_array()[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [(0, 1, 0, 1), (0, 0.5, 0, 0.5), (0, 255, 0, 1), (-2, 2, 0, 1), (0, 4000, 0, 1)],
)
def test_float_images_are_scaled_by_their_value_range(drawing, low, high, first, last):
    ramp = np.linspace(low, high, 64, dtype=np.float32).reshape(1, 8, 8, 1).repeat(2, axis=0)
    pixels = draw("image", image=ramp).axes[0].images[0].get_array()
    assert pixels[0, 0] == pytest.approx(first)
    assert pixels[-1, -1] == pytest.approx(last)


def test_wide_image_keeps_its_proportions(drawing):
    (image,) = draw("image", image=np.zeros((1, 10, 30, 1), dtype=np.uint8)).axes[0].images
    left, right, bottom, top = image.get_extent()
    assert (right - left) / (bottom - top) == pytest.approx(3)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("image", np.full((2, 8, 8, 1), NAN, dtype=np.float32)),
        ("series", np.full((2, 5, 2), NAN, dtype=np.float32)),
        ("text", np.array(["", None], dtype=object)),
    ],
)
def test_a_missing_input_is_marked_as_missing(drawing, kind, values):
    drawn = texts(draw(kind, [0, 1], x=values))
    assert [text.get_text() for text in drawn] == ["missing", "missing"]
    assert all(to_rgb(text.get_color()) == to_rgb(GREY) for text in drawn)


def test_pen_path_is_drawn_from_the_top_down_with_lifts_apart(drawing):
    path = np.array(
        [[0.1, 0.1], [0.2, 0.1], [0.3, 0.1], [0.3, 0.9], [0.4, 0.9], [NAN, NAN]], dtype=np.float32
    )
    (axes,) = draw("series", pen=path[None]).axes
    lifted, written = axes.collections
    assert len(lifted.get_segments()) == 1
    assert len(written.get_segments()) == 3
    first, last = written.get_segments()[0], written.get_segments()[-1]
    assert last[0][1] > first[0][1]  # y grows downwards on the sheet, as it does for the pen
    assert axes.yaxis_inverted()


@pytest.mark.parametrize("path", [[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]], [[0.5, NAN], [NAN, 0.5]]])
def test_shortest_pen_paths_are_drawn(drawing, path):
    paths = np.array([path, [[0.1, 0.1]] * len(path)])
    assert sketch.is_pen_path(paths)
    draw("series", [0, 1], pen=paths)


@pytest.mark.parametrize("series", [np.full((2, 9, 2), 1.5), np.random.default_rng(0).random((2, 9, 3))])
def test_other_series_are_lines_over_steps(drawing, series):
    series[0, 6:] = NAN
    series[1, 2, 0] = NAN
    series[1, :, 1] = NAN
    assert not sketch.is_pen_path(series)
    figure = draw("series", [0, 1], weather=series)
    lines = figure.axes[0].get_lines()
    assert len(lines) == 2 * series.shape[-1]
    assert len(lines[0].get_xdata()) == 6
    assert "6 steps" in words(figure)


def test_tables_are_read(drawing):
    carrier = np.array(["AA", None], dtype=object)
    figure = draw("table", [0, 1], **{"plane.seats": np.array([120.0, NAN]), "plane.carrier": carrier})
    assert words(figure).split("\n") == ["seats 120", "carrier AA", "seats –", "carrier –"]
    assert_nothing_cut(figure)


def test_vectors_are_read_as_far_as_there_is_room(drawing):
    figure = draw("vector", [1], stats=np.arange(40.0).reshape(2, 20))
    lines = words(figure).split("\n")
    assert lines[:2] == ["0 20", "1 21"]
    assert lines[-1] == f"… {20 - (len(lines) - 1)} more"
    assert_nothing_cut(figure)


def test_texts_are_wrapped_and_dollars_are_no_formula(drawing):
    titles = np.array(["a face with smiling eyes", "costs $5 or $6", b"bytes"], dtype=object)
    figure = draw("text", [0, 1, 2], title=titles)
    assert words(figure).split("\n") == ["a face with smiling", "eyes", r"costs \$5 or \$6", "bytes"]
    assert_nothing_cut(figure)
