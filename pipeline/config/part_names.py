"""The closed list of classes that a config may call, by the key at which each may stand.

A config may come from a stranger, so this list holds only parts: classes that compute. What reads or writes
files, opens connections, starts programs or calls functions by name is not on it, see `docs/security.md`.
"""

import re
from collections.abc import Iterator

from pipeline.data_options import INPUT_KINDS, TARGET_KINDS


def _names(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names.split())


BRANCHES = _names(
    "pipeline.branches",
    "Application Conv1D Conv2D Dense GRU LSTM ResNet TabM Table TextBag TextConv TextTransformer Transformer",
)
AUGMENTS = ("pipeline.branches.Augment",)
FUSIONS = _names("pipeline.fusion", "Add Attention Concatenate FiLM Gated")
HEADS = _names("pipeline.heads", "Binary Multiclass Multilabel Ordinal Quantiles Regression")
LOSSES = (
    "pipeline.losses.Pinball",
    *_names(
        "keras.losses",
        "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy "
        "CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber "
        "KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError "
        "MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Tversky",
    ),
)
METRICS = _names(
    "keras.metrics",
    "AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy "
    "CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives "
    "FalsePositives Hinge IoU KLDivergence LogCoshError MeanAbsoluteError MeanAbsolutePercentageError "
    "MeanIoU MeanSquaredError MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation "
    "Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError "
    "SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy "
    "SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge TopKCategoricalAccuracy "
    "TrueNegatives TruePositives",
)
OPTIMIZERS = _names(
    "keras.optimizers",
    "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD ScheduleFreeAdamW",
)
SCHEDULES = _names("pipeline.schedules", "Constant Cosine Plateau")
LOSS_WEIGHTS = _names("pipeline.loss_weights", "Cosine Linear")
BALANCERS = _names(
    "pipeline.balancers",
    "Aligned CAGrad DWA FAMO GradNorm IMTLG MGDA Nash PCGrad RLW Static Uncertainty",
)
MODULATIONS = _names("pipeline.modulation", "OGMGE Off")
INSIGHTS = ("pipeline.insight.Insight",)
# Keras' other callbacks write files, post to addresses or call functions by name.
CALLBACKS = _names("keras.callbacks", "EarlyStopping History ReduceLROnPlateau SwapEMAWeights TerminateOnNaN")
SOURCES = ("pipeline.datasets.noise",)
INPUTS = tuple(INPUT_KINDS.values())
TARGETS = tuple(TARGET_KINDS.values())
# For the arguments of other parts, wherever one takes them.
IN_LAYERS = (
    *_names("keras.regularizers", "L1 L1L2 L2 OrthogonalRegularizer"),
    *_names(
        "keras.initializers",
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones "
        "Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros",
    ),
    *_names("keras.constraints", "MaxNorm MinMaxNorm NonNeg UnitNorm"),
)
PARTS_AT = {
    r"branches\.[^.]+": BRANCHES,
    r"branches\.[^.]+\.augment": AUGMENTS,
    r"fusion": FUSIONS,
    r"heads\.[^.]+": HEADS,
    r"heads\.[^.]+\.loss": LOSSES,
    r"heads\.[^.]+\.metrics\.\d+": METRICS,
    r"loss_weights\.[^.]+": LOSS_WEIGHTS,
    r"balancer": BALANCERS,
    r"optimizer": OPTIMIZERS,
    r"schedule": SCHEDULES,
    r"insight": INSIGHTS,
    r"modulation": MODULATIONS,
    r"trainer\.callbacks\.\d+": CALLBACKS,
    r"(data\.)?sources\.[^.]+": SOURCES,
    r"(data\.)?inputs\.[^.]+": INPUTS,
    r"(data\.)?targets\.[^.]+": TARGETS,
}
ALL = (*dict.fromkeys(name for names in PARTS_AT.values() for name in names), *IN_LAYERS)


def parts_at(key: str) -> tuple[str, ...]:
    """The parts that a config may name at a key, such as `heads.class.loss`; at other keys all parts."""
    return next((names for pattern, names in PARTS_AT.items() if re.fullmatch(pattern, key)), ALL)


def modules() -> Iterator[str]:
    """The modules of all parts, and those in which Keras defines its public names."""
    for name in ALL:
        module = name.rpartition(".")[0]
        yield module
        if module.startswith("keras."):
            yield module.replace("keras.", "keras.src.", 1)
