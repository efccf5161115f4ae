"""The Keras model: built from its parts, run part by part, and exported with its preprocessing inside."""

from pipeline.model.build import build_model, build_presenter
from pipeline.model.export import export_model, raw_specs
from pipeline.model.forward import decode, encode, forward

__all__ = ["build_model", "build_presenter", "decode", "encode", "export_model", "forward", "raw_specs"]
