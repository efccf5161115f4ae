"""Updates of weights whose size differs by layer: rates of layers, and the modulation of branches."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from pipeline.model.layer_names import branch_layer
from pipeline.modulation import Modulation


class Updates:
    """Applies gradients, and scales the updates of some layers.

    Args:
        model: prepared inputs -> raw outputs; its frozen layers are not trainable.
        optimizer: any Keras optimizer.
        rates: layer name -> factor on the updates of its weights; 0 and 1 change nothing here.
        modulation: see `pipeline.modulation`.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        rates: Mapping[str, float],
        modulation: Modulation,
    ) -> None:
        self.optimizer, self.modulation = optimizer, modulation
        branches = [branch_layer(name) for name in model.input] if modulation.modulates else []
        self.scaled: list[tuple[float, str, keras.Variable]] = [  # (rate, layer, variable)
            (rates.get(layer, 1.0), layer, variable)
            for layer in dict.fromkeys([*rates, *branches])
            if layer in branches or rates[layer] not in (0, 1)
            for variable in model.get_layer(layer).trainable_variables
        ]

    def apply(
        self, gradients: list[Any], variables: Sequence[keras.Variable], factors: Mapping[str, Any]
    ) -> None:
        """Update the weights.

        Args:
            factors: those of the modulation, by branch.
        """
        of_layers = {branch_layer(name): factor for name, factor in factors.items()}
        before = [tf.identity(variable.value) for _, _, variable in self.scaled]
        self.optimizer.apply(gradients, variables)
        # Rates scale the update, because Adam would undo a factor on the gradient.
        for index, ((rate, layer, variable), old) in enumerate(zip(self.scaled, before, strict=True)):
            change = rate * (variable.value - old)
            if layer in of_layers:
                steps = keras.ops.convert_to_tensor(self.optimizer.iterations)
                change = self.modulation.modulate(change, of_layers[layer], index, steps)
            variable.assign(old + change)
