"""Names of the model's layers."""

from pipeline.model.layer_names import FUSION, branch_layer, head_layer, is_part, output_layer, read_layer
from tests.small_trainer import make_trainer


def test_every_part_of_a_model_is_a_layer_of_its_name():
    model = make_trainer(reads={"score": "series"}).model
    names = {layer.name for layer in model.layers if is_part(layer.name)}
    branches = {branch_layer(name) for name in model.input}
    assert names == branches | {FUSION} | {head_layer(name) for name in model.output}
    for name in model.output:
        assert (
            model.get_layer(head_layer(name)).get_layer(output_layer(name)).units
            == model.output[name].shape[-1]
        )


def test_a_head_reads_a_branch_or_the_fusion():
    model = make_trainer(reads={"score": "series"}).model
    assert model.get_layer(head_layer("score")).reads == read_layer("series") == branch_layer("series")
    assert model.get_layer(head_layer("class")).reads == read_layer(None) == FUSION
