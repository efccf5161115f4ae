"""The diagram of the model: readable at any size, with every layer, shape, loss and arrow."""

import pytest
from matplotlib.text import Annotation

from pipeline.report import Part, picture
from tests.pages import assert_nothing_cut, texts, words
from tests.report.sample import parts


@pytest.mark.parametrize(
    ("branches", "heads", "layers"), [(1, 1, 1), (3, 2, 8), (6, 8, 8), (1, 8, 3), (6, 1, 2)]
)
def test_model_picture_is_readable_at_any_size(drawing, branches, heads, layers):
    figure = picture.draw_model(parts(branches, [f"head_number_{n}" for n in range(heads)], layers)).figure
    assert_nothing_cut(figure)
    boxes = [text.get_window_extent() for text in texts(figure)]
    overlaps = [
        (a, b)
        for place, a in enumerate(boxes)
        for b in boxes[place + 1 :]
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
    assert overlaps == []
    assert figure.get_figwidth() <= 12.5
    assert min(text.get_fontsize() for text in texts(figure)) >= 7


def test_model_picture_names_layers_shapes_losses_weights_and_all_parameters(drawing):
    made = [
        Part("branch", "image", [("Conv2D 32", "16 x 16 x 32", 1320)]),
        Part("fusion", "gated", [("Gate", "64", 128)]),
        Part("head", "class", [("Dense 3", "3", 99)], "Focal", 0.25),
    ]
    drawn = picture.draw_model(made)
    seen = words(drawn.figure)
    for word in (
        "Conv2D 32",
        "16 x 16 x 32",
        "1,320 parameters",
        "branch image",
        "fusion gated",
        "head class",
    ):
        assert word in seen
    assert "Gate   ·   64   ·   128 parameters" in seen
    assert "Focal\nweight 0.25" in seen
    assert "1,547 parameters" in seen
    assert "1,547 parameters" in drawn.alt


def test_arrows_lead_from_layer_to_layer_through_the_fusion_to_every_loss(drawing):
    made = [*parts(2, ("a", "b", "c"), layers=4), Part("fusion", "dense", [("Dense", "64", 8)])]
    drawn = picture.draw_model(made).figure.findobj(Annotation)
    within_branches, into_fusion, between_fusions, to_heads, to_losses = 2 * 3, 2, 1, 3, 3
    assert len(drawn) == within_branches + into_fusion + between_fusions + to_heads + to_losses


def test_model_without_fusion_says_so(drawing):
    made = [part for part in parts() if part.group != "fusion"]
    assert "no fusion" in words(picture.draw_model(made).figure)


def test_middle_of_a_very_deep_branch_is_folded_but_counted(drawing):
    deep = Part("branch", "photo", [(f"Layer{n}", "8", 10) for n in range(100)])
    drawn = picture.draw_model([deep, *parts()[1:]])
    assert "… 88 layers …" in words(drawn.figure)
    assert "880 parameters" in words(drawn.figure)
    assert "Layer99" in words(drawn.figure)
    assert "Layer50" not in words(drawn.figure)
    assert "4,999 parameters" in words(drawn.figure)


def test_of_hundreds_of_heads_the_first_are_drawn(drawing):
    many = parts(1, [f"h{number}" for number in range(100)])
    drawn = picture.draw_model(many)
    assert "76 more heads are not drawn" in drawn.caption
    assert "h99" in drawn.alt
    assert "h23" in words(drawn.figure)
    assert "h24" not in words(drawn.figure)
