"""The data sets that come with the program (NOTICE has their licences), and random arrays."""

import numpy as np


def noise(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Random arrays from which nothing can be learned.

    Args:
        rows: number of training rows; validation and test have half as many each.
        seed: of NumPy's default generator.

    Returns:
        image (n, 32, 32, 3) and series (n, 20, 10), uniform in 0..1; class (n, 5), each row a distribution;
        score (n, 1), uniform; all float32; split (n,) int8: 0 train, 1 validation, 2 test.
    """
    random = np.random.default_rng(seed)
    total = rows + 2 * (rows // 2)
    classes = random.random((total, 5), dtype=np.float32)
    return {
        "image": random.random((total, 32, 32, 3), dtype=np.float32),
        "series": random.random((total, 20, 10), dtype=np.float32),
        "class": classes / classes.sum(axis=1, keepdims=True),
        "score": random.random((total, 1), dtype=np.float32),
        "split": np.repeat(np.array([0, 1, 2], dtype=np.int8), [rows, rows // 2, rows // 2]),
    }
