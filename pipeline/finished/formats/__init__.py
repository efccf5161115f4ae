"""The formats that a model is exported to: how a file is written, and how it is run.

saved_model: TensorFlow's SavedModel, with strings and all preparation inside.
litert: LiteRT (TensorFlow Lite), in float32.
onnx: ONNX, written by tf2onnx and run by ONNX Runtime.
serving: a model as a function of named tensors, from which all formats are made.
text_folding: texts folded inside a TensorFlow graph.
"""
