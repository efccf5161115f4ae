"""The methods that see the products of the heads' gradients: published cases, and what each promises."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.aligned import aligned_matrix
from pipeline.balancers.nash import bargain
from pipeline.balancers.pcgrad import pcgrad_weights

CONFLICT = [[1, 0], [-1, 1]]
AGREEMENT = [[1, 0], [1, 1]]
OPPOSED = [[-4, 1, 1], [6, 1, 1]]
ALL = [
    balancers.PCGrad(),
    balancers.MGDA(),
    balancers.CAGrad(c=0.5),
    balancers.IMTLG(),
    balancers.Nash(),
    balancers.Aligned(),
]
named = pytest.mark.parametrize("balancer", ALL, ids=lambda balancer: type(balancer).__name__)
sizes = pytest.mark.parametrize("heads", [2, 3, 4, 8])


def weigh(balancer, rows, losses=None):
    """Weights for gradients given as rows."""
    rows = np.asarray(rows, "float32")
    names = [f"head{number}" for number in range(len(rows))]
    balancer.build(names, dict.fromkeys(names, "number"))
    losses = tf.ones(len(rows)) if losses is None else tf.constant(losses, tf.float32)
    return balancer.weights(losses, tf.ones(len(rows), tf.bool), tf.constant(rows @ rows.T)).numpy()


def update(balancer, rows):
    """The combined gradient d."""
    return weigh(balancer, rows) @ np.asarray(rows, "float32")


def gradients(seed, heads, size=20):
    random = np.random.default_rng(seed)
    sizes = 10 ** random.uniform(-1, 1, (heads, 1))
    return (sizes * random.normal(size=(heads, size))).astype("float32")


def worst_projection(direction, rows):
    return (rows @ direction).min()


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.PCGrad(), CONFLICT, [2.0, 1.5]),
        (balancers.PCGrad(), AGREEMENT, [1.0, 1.0]),
        (balancers.PCGrad(), OPPOSED, [2.222222, 1.578947]),
        (balancers.PCGrad(reduction="mean"), CONFLICT, [1.0, 0.75]),
        (balancers.MGDA(), CONFLICT, [0.6, 0.4]),
        (balancers.MGDA(), AGREEMENT, [1.0, 0.0]),
        (balancers.MGDA(), OPPOSED, [0.6, 0.4]),
        (balancers.CAGrad(c=0.5), CONFLICT, [0.6, 0.4]),
        (balancers.CAGrad(c=0.5), AGREEMENT, [0.847214, 0.4]),
        (balancers.CAGrad(c=0.5), OPPOSED, [0.563299, 0.4]),
        (balancers.IMTLG(), CONFLICT, [0.585786, 0.414214]),
        (balancers.IMTLG(), AGREEMENT, [0.585786, 0.414214]),
        (balancers.IMTLG(), OPPOSED, [0.59233, 0.40767]),
        (balancers.Nash(), CONFLICT, [1.847759, 1.306563]),
        (balancers.Nash(), AGREEMENT, [0.765367, 0.541196]),
        (balancers.Nash(), OPPOSED, [0.591461, 0.407071]),
        (balancers.Aligned(), CONFLICT, [0.552786, 0.41459]),
        (balancers.Aligned(), AGREEMENT, [0.276393, 0.138197]),
        (balancers.Aligned(), OPPOSED, [0.559072, 0.408261]),
    ],
)
def test_two_heads_get_the_weights_worked_out_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weigh(balancer, rows), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.CAGrad(c=0.5, rescale=0), CONFLICT, [0.25, 0.5]),
        (balancers.CAGrad(c=0.5, rescale=0), AGREEMENT, [1.559017, 0.5]),
        (balancers.CAGrad(c=0.5, rescale=0), OPPOSED, [0.183503, 1.204124, 1.204124]),
        (balancers.CAGrad(c=0.5, rescale=2), CONFLICT, [0.166667, 0.333333]),
        (balancers.CAGrad(c=0.5, rescale=2), OPPOSED, [0.122336, 0.802749, 0.802749]),
        (balancers.PCGrad(reduction="mean"), OPPOSED, [0.292398, 1.900585, 1.900585]),
    ],
)
def test_two_heads_get_the_update_worked_out_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(update(balancer, rows), expected, atol=4e-6)


def test_surgery_of_the_mean_is_not_the_mean_of_surgeries():
    halves = [np.array(CONFLICT), np.array(AGREEMENT)]
    np.testing.assert_allclose(update(balancers.PCGrad(), sum(halves) / 2), [1.0, 1.0], atol=1e-6)
    mean = sum(update(balancers.PCGrad(), half) for half in halves) / 2
    np.testing.assert_allclose(mean, [1.25, 1.25], atol=1e-6)


@pytest.mark.parametrize("balancer", ALL[1:], ids=lambda balancer: type(balancer).__name__)
@sizes
def test_order_of_heads_does_not_matter(balancer, heads):
    rows = gradients(heads, heads)
    order = np.random.default_rng(0).permutation(heads)
    np.testing.assert_allclose(
        weigh(balancer, rows)[order], weigh(balancer, rows[order]), rtol=1e-4, atol=1e-6
    )


@sizes
def test_pcgrad_depends_on_the_drawn_order_alone(heads):
    rows, random = gradients(heads, heads), np.random.default_rng(0)
    moved, meetings = (
        random.permutation(heads),
        random.permuted(np.tile(np.arange(heads), (heads, 1)), axis=1),
    )
    back = np.argsort(moved)

    def weights(rows, meetings):
        return pcgrad_weights(
            tf.constant(rows @ rows.T), tf.ones(heads, tf.bool), tf.constant(meetings)
        ).numpy()

    found = weights(rows[moved], back[meetings[moved]])
    np.testing.assert_allclose(found, weights(rows, meetings)[moved], rtol=1e-4, atol=1e-6)


@named
@sizes
def test_scale_of_the_losses(balancer, heads):
    rows = gradients(heads, heads)
    power = -1 if isinstance(balancer, balancers.Nash) else 0  # Nash: steps of one length at any scale
    expected = weigh(balancer, rows) * 1000.0**power
    np.testing.assert_allclose(weigh(balancer, 1000 * rows), expected, rtol=1e-4, atol=1e-6)


@named
@sizes
def test_a_head_without_gradient_leaves_weights_finite_and_no_head_worse(balancer, heads):
    rows = gradients(heads, heads)
    rows[0] = 0
    weights = weigh(balancer, rows)
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() < 100
    assert np.isfinite(weigh(balancer, np.zeros_like(rows))).all()


@named
@pytest.mark.parametrize("cosine", [1.0, -1.0])
def test_equal_and_opposed_heads_stay_bounded(balancer, cosine):
    for seed in range(20):
        rows = gradients(seed, 4)
        rows[1] = cosine * rows[0]
        weights = weigh(balancer, rows)
        assert np.isfinite(weights).all()
        assert np.abs(weights[:, None] * rows).max() < 2000 * np.linalg.norm(rows, axis=1).max()


@named
def test_an_overflow_of_a_gradient_gives_finite_weights(balancer):
    """The step is skipped for its gradients; weights that are not finite, or an error, would end the run."""
    for wrong in (np.inf, np.nan):
        gram = np.eye(3, dtype="float32")
        gram[1] = gram[:, 1] = wrong
        assert np.isfinite(balancer.weights(tf.ones(3), tf.ones(3, tf.bool), tf.constant(gram))).all()


@pytest.mark.parametrize("balancer", ALL[2:], ids=lambda balancer: type(balancer).__name__)
def test_equal_heads_share_alike(balancer):
    weights = weigh(balancer, gradients(1, 3)[[0, 0, 1]])
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-3)


def test_a_head_twice_changes_nothing_for_mgda():
    rows = gradients(1, 3)
    twice = update(balancers.MGDA(), rows[[0, 0, 1, 2]])
    np.testing.assert_allclose(twice, update(balancers.MGDA(), rows), rtol=1e-4, atol=1e-5)


@sizes
def test_pcgrad_is_the_plain_sum_without_conflict(heads):
    rows = np.abs(gradients(heads, heads))
    np.testing.assert_array_equal(weigh(balancers.PCGrad(), rows), np.ones(heads))


@sizes
def test_pcgrad_projects_in_the_given_order_on_the_original_gradients(heads):
    rows = gradients(heads, heads, size=3)
    random = np.random.default_rng(heads)
    order = np.stack([random.permutation(heads) for _ in range(heads)])
    projected = []
    for i, others in enumerate(order):
        own = rows[i].astype("float64")
        for j in others[others != i]:
            own = own - min(own @ rows[j], 0.0) / (rows[j] @ rows[j]) * rows[j]
        projected.append(own)
    weights = pcgrad_weights(tf.constant(rows @ rows.T), tf.ones(heads, tf.bool), tf.constant(order))
    np.testing.assert_allclose(weights.numpy() @ rows, np.sum(projected, axis=0), rtol=1e-4, atol=1e-4)


def test_pcgrad_never_projects_a_head_on_itself():
    """Three projections turn the first gradient round by more than 90 degrees from where it was."""
    angles = np.deg2rad([0, 135, 180, 190])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    gram, labelled = tf.constant(rows @ rows.T), tf.ones(4, tf.bool)
    first, last = np.tile([0, 1, 2, 3], (4, 1)), np.tile([1, 2, 3, 0], (4, 1))
    first[1:], last[1:] = [1, 2, 3, 0], [1, 2, 3, 0]
    np.testing.assert_allclose(
        pcgrad_weights(gram, labelled, tf.constant(last)), pcgrad_weights(gram, labelled, tf.constant(first))
    )


def test_pcgrad_really_shuffles():
    balancer = balancers.PCGrad()
    weigh(balancer, gradients(0, 4))
    losses, labelled = tf.ones(4), tf.ones(4, tf.bool)
    orders = []
    for _ in range(200):
        orders.append(balancer.order(4).numpy())
        balancer.update(losses, labelled)
    assert (np.sort(orders, axis=2) == np.arange(4)).all()
    first = np.bincount(np.array(orders)[:, 1, 0], minlength=4) / 200
    np.testing.assert_allclose(first, np.full(4, 0.25), atol=0.12)
    assert (np.array(orders)[:, 0] != np.array(orders)[:, 1]).any()


def test_loss_weights_multiply_projected_gradients_in_pcgrad():
    assert balancers.PCGrad().weighted
    rows, loss_weights = np.array(CONFLICT, "float32"), np.array([[3.0], [1.0]], "float32")
    projected = np.array([[0.5, 0.5], [0.0, 1.0]])
    np.testing.assert_allclose(update(balancers.PCGrad(), loss_weights * rows), [1.5, 2.5], atol=1e-6)
    np.testing.assert_allclose((loss_weights * projected).sum(0), [1.5, 2.5])


@sizes
@pytest.mark.parametrize("size", [2, 20])
def test_mgda_is_the_shortest_common_descent_direction(heads, size):
    for seed in range(10):
        rows = gradients(seed, heads, size)
        weights = weigh(balancers.MGDA(), rows)
        direction = weights @ rows
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1, rel=1e-5)
        scale = np.linalg.norm(rows, axis=1).max() ** 2
        assert worst_projection(direction, rows) >= direction @ direction - 1e-5 * scale


@pytest.mark.parametrize("error", [-3e-7, 0.0, 3e-7])
def test_mgda_sees_through_rounding_when_gradients_are_opposed(error):
    labelled = tf.ones(2, tf.bool)
    for size in np.linspace(0.3, 3.0, 10):
        product = -size * (1 + error)  # beyond -size, no two gradients have it
        gram = tf.constant([[1.0, product], [product, size**2]], tf.float32)
        weights = balancers.MGDA().weights(tf.ones(2), labelled, gram).numpy()
        np.testing.assert_allclose(weights, [size / (1 + size), 1 / (1 + size)], rtol=1e-4)


@pytest.mark.parametrize("normalize", ["none", "l2", "loss", "loss+"])
def test_mgda_divides_gradients_before(normalize):
    rows, losses = gradients(5, 3), np.array([0.5, 1.0, 4.0], "float32")
    norms = np.linalg.norm(rows, axis=1)
    scale = {"none": np.ones(3), "l2": norms, "loss": losses, "loss+": losses * norms}[normalize]
    found = weigh(balancers.MGDA(normalize=normalize), rows, losses)
    np.testing.assert_allclose(found, weigh(balancers.MGDA(), rows / scale[:, None]), rtol=1e-4, atol=1e-6)


@sizes
def test_cagrad_stays_within_its_radius_and_helps_the_worst_head_most(heads):
    random = np.random.default_rng(0)
    for seed in range(10):
        rows = gradients(seed, heads, size=max(heads, 3))
        mean = rows.mean(0)
        direction = update(balancers.CAGrad(c=0.5, rescale=0), rows)
        radius = 0.5 * np.linalg.norm(mean)
        assert np.linalg.norm(direction - mean) == pytest.approx(radius, rel=1e-3)
        others = random.normal(size=(2000, rows.shape[1]))
        others *= radius / np.linalg.norm(others, axis=1, keepdims=True)
        best = (rows @ (mean + others).T).min(0).max()
        assert worst_projection(direction, rows) >= best - 1e-3 * abs(best)


def test_rounding_of_opposed_gradients_hardly_moves_the_step_of_cagrad():
    random, spreads = np.random.default_rng(0), []
    for seed in (0, 1, 2, 3, 4):
        rows = gradients(seed, 3, size=8)
        rows[1] = -rows[0]
        rows[2] -= 0.9 * (rows[2] @ rows[0]) / (rows[0] @ rows[0]) * rows[0]
        errors = 1e-7 * random.normal(size=(8, 3, 3))
        grams = ((rows @ rows.T) * (1 + errors + errors.transpose(0, 2, 1))).astype("float32")
        balancer = balancers.CAGrad(c=0.5, rescale=0)
        steps = [
            balancer.weights(tf.ones(3), tf.ones(3, tf.bool), tf.constant(gram)).numpy() @ rows
            for gram in grams
        ]
        spreads.append(np.abs(steps - np.mean(steps, axis=0)).max() / np.linalg.norm(rows.mean(0)))
    assert np.mean(spreads) < 0.08


@sizes
def test_cagrad_without_a_radius_is_the_mean(heads):
    np.testing.assert_allclose(
        weigh(balancers.CAGrad(c=0.0), gradients(1, heads)), np.full(heads, 1 / heads), rtol=1e-5
    )


@sizes
def test_imtl_g_projects_equally_on_all_heads(heads):
    rows = gradients(heads, heads)
    projections = rows @ update(balancers.IMTLG(), rows) / np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(projections, np.full(heads, projections[0]), rtol=1e-3)
    assert weigh(balancers.IMTLG(), rows).sum() == pytest.approx(1, rel=1e-3)


def cancelling(size):
    """Three gradients whose IMTL-G weights sum to 0 if the middle one, of negative weight, has size 1."""
    units = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0.4, 0.1]])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    scaled = np.linalg.solve(units @ units.T, np.ones(3))
    assert scaled[2] < 0
    return units * [[1], [1], [-size * scaled[2] / (scaled[0] + scaled[1])]]


def test_imtl_g_never_points_uphill():
    rows = cancelling(0.8)
    assert weigh(balancers.IMTLG(), rows).sum() == pytest.approx(-1, rel=1e-3)
    assert worst_projection(update(balancers.IMTLG(), rows), rows) > 0.1


def test_imtl_g_stays_bounded_where_its_weights_cancel():
    assert np.abs(weigh(balancers.IMTLG(), cancelling(1.0))).sum() == pytest.approx(100, rel=1e-3)


def test_imtl_g_passes_over_a_head_without_gradient():
    rows = gradients(1, 4)
    rows[2] = 0
    others = [0, 1, 3]
    weights = weigh(balancers.IMTLG(), rows)
    np.testing.assert_allclose(weights[others], weigh(balancers.IMTLG(), rows[others]), rtol=1e-4)
    assert weights[2] == 0


@sizes
def test_nash_solves_the_bargaining_condition(heads):
    for seed in range(5):
        rows = gradients(seed, heads)
        weights = weigh(balancers.Nash(), rows)
        direction = weights @ rows
        np.testing.assert_allclose(rows @ direction * weights, np.ones(heads), rtol=1e-3)
        assert direction @ direction == pytest.approx(heads, rel=1e-3)


def test_nash_converges_when_gradients_nearly_cancel():
    for seed in range(20):
        rows = gradients(seed, 8, size=12)
        rows[1] = -rows[0] + 0.1 * rows[1]
        weights = weigh(balancers.Nash(), rows).astype("float64")
        np.testing.assert_allclose(rows @ (weights @ rows) * weights, np.ones(8), rtol=0.05)


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_nash_converges_on_dependent_gradients(rank):
    solve = tf.function(bargain)
    for seed in range(200):
        units = gradients(seed, 8, rank).astype("float64")
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        matrix = units @ units.T + 1e-6 * np.eye(8)
        found = solve(tf.constant(matrix)).numpy()
        assert (found > 0).all()
        np.testing.assert_allclose(matrix @ found * found, np.ones(8), rtol=1e-5)


@sizes
def test_aligned_gradients_are_orthogonal_and_of_one_length(heads):
    rows = gradients(heads, heads).astype("float64")
    singular = np.linalg.svd(rows, compute_uv=False)
    for scale, expected in {"min": singular[-1], "rmse": np.sqrt((singular**2).mean())}.items():
        aligned = aligned_matrix(tf.constant(rows @ rows.T), scale).numpy() @ rows
        found = np.linalg.svd(aligned, compute_uv=False)
        np.testing.assert_allclose(found, np.full(heads, expected), rtol=1e-3)


def test_aligned_passes_over_directions_that_only_rounding_has():
    rows = gradients(1, 3, size=2)
    singular = np.linalg.svd(rows, compute_uv=False)
    aligned = aligned_matrix(tf.constant(rows @ rows.T, tf.float64)).numpy() @ rows
    np.testing.assert_allclose(np.linalg.svd(aligned, compute_uv=False), singular[[-1, -1]], rtol=1e-3)


def test_aligned_leaves_orthogonal_gradients_of_one_length_alone():
    np.testing.assert_allclose(weigh(balancers.Aligned(), 3 * np.eye(4)), np.full(4, 0.25), rtol=1e-5)
