"""The Keras model: build it from its parts, run it part by part, export it with its preprocessing."""

from pipeline.model.build import Encoder, build_model, build_presenter
from pipeline.model.export import export_model, raw_specs
from pipeline.model.forward import decode, encode, forward

__all__ = [
    "Encoder",
    "build_model",
    "build_presenter",
    "decode",
    "encode",
    "export_model",
    "forward",
    "raw_specs",
]
