"""The toy problem of the CAGrad paper, in which plain gradient descent gets stuck.

    python -m benchmarks.toy_problem

Liu et al. 2021, arXiv:2110.14048, section 4.1 and the authors' code: two losses of a point (x, y), each with
a cliff and a valley above y = 0 and a bowl below. The mean loss has its minimum at (0, -8.355); the Pareto
front is at y = -8.355, |x| <= 7. The optimizer is Adam with a learning rate of 0.001, from three starting
points.
"""

from collections.abc import Callable, Collection, Sequence

import tensorflow as tf

from benchmarks.machine import description
from pipeline.balancers import FAMO, IMTLG, MGDA, Aligned, Balancer, CAGrad, Nash, PCGrad, Static

STARTS = ((-8.5, 7.5), (-8.5, -5.0), (9.0, 9.0))
OPTIMUM = (0.0, -8.355)
HEADS = ("first", "second")


def losses_at(point: tf.Tensor) -> tf.Tensor:
    """Return both losses (2,) at a point (2,)."""
    x, y = point[0], point[1]
    cliffs = tf.stack([0.5 * (-x - 7) - tf.tanh(-y), 0.5 * (-x + 3) + tf.tanh(-y) + 2])
    valleys = tf.math.log(tf.maximum(tf.abs(cliffs), 5e-6)) + 6
    bowls = (tf.stack([7 - x, -7 - x]) ** 2 + 0.1 * (-y - 8) ** 2) / 10 - 20
    return tf.nn.relu(tf.tanh(y / 2)) * valleys + tf.nn.relu(tf.tanh(-y / 2)) * bowls


def gradients_at(point: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return both losses (2,) and their gradients (2, 2), one per row."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(point)
        first, second = tf.unstack(losses_at(point))
    return tf.stack([first, second]), tf.stack([tape.gradient(first, point), tape.gradient(second, point)])


def descent(balancer: Balancer, steps: int, learning_rate: float = 0.001) -> Callable[[tf.Tensor], tf.Tensor]:
    """Compile `steps` steps of Adam with the balancer into one function: start (2,) -> end (2,)."""
    balancer.build(HEADS, dict.fromkeys(HEADS, "number"))
    labelled = tf.constant([True, True])
    initial = [variable.numpy() for variable in balancer.variables]

    def step(
        done: tf.Tensor, point: tf.Tensor, mean: tf.Tensor, square: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        losses, rows = gradients_at(point)
        gram = tf.matmul(rows, rows, transpose_b=True)
        direction = tf.linalg.matvec(rows, balancer.weights(losses, labelled, gram), transpose_a=True)
        mean, square = 0.9 * mean + 0.1 * direction, 0.999 * square + 0.001 * direction**2
        number = tf.cast(done + 1, tf.float32)
        length = learning_rate * tf.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        point -= length * mean / (tf.sqrt(square) + 1e-8)
        after = losses_at(point) if balancer.needs_losses_after else None
        balancer.update(losses, labelled, gram, after)
        return done + 1, point, mean, square

    @tf.function(jit_compile=True)
    def run(start: tf.Tensor) -> tf.Tensor:
        for variable, value in zip(balancer.variables, initial, strict=True):
            variable.assign(value)
        state = tf.constant(0), start, tf.zeros(2), tf.zeros(2)
        return tf.while_loop(lambda done, *_: done < steps, step, state)[1]

    return run


def verdict(point: Sequence[float], tolerance: float = 0.02) -> str:
    """Return "optimum" (of the mean loss), "front" (the Pareto front) or "stuck"."""
    x, y = point
    if max(abs(x - OPTIMUM[0]), abs(y - OPTIMUM[1])) < tolerance:
        return "optimum"
    return "front" if abs(y - OPTIMUM[1]) < 0.1 and abs(x) <= 7 else "stuck"


def methods() -> dict[str, Balancer]:
    """Return the balancers of the table; the others need positive losses."""
    return {
        "static": Static(),
        "pcgrad": PCGrad(),
        "mgda": MGDA(),
        "cagrad": CAGrad(c=0.5, rescale=2),
        "imtl_g": IMTLG(),
        "nash": Nash(),
        "aligned": Aligned(),
        "famo": FAMO(decay=0.0, minimum_losses=dict.fromkeys(HEADS, -21.0)),
    }


def main(steps: int = 100_000, only: Collection[str] = ()) -> None:
    """Print where each method, or only those in `only`, ends from each start."""
    print("method   " + "".join(f"from {start!s:<24}" for start in STARTS))
    for name, balancer in methods().items():
        if only and name not in only:
            continue
        run, ends = descent(balancer, steps), []
        for start in STARTS:
            x, y = run(tf.constant(start)).numpy().round(3) + 0.0  # + 0: no "-0.00"
            ends.append(f"({x:6.2f}, {y:7.3f}) {verdict((x, y)):<11}")
        print(f"{name:<9}" + "".join(ends), flush=True)
    print(description())


if __name__ == "__main__":
    main()
