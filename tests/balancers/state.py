"""Building a balancer for heads without names, and updating it many times."""

import tensorflow as tf

THREE_LABELLED = tf.ones(3, tf.bool)


def build(balancer, heads=2, kind="number"):
    names = [f"head{number}" for number in range(heads)]
    balancer.build(names, dict.fromkeys(names, kind))
    return balancer


def update_repeatedly(balancer, steps, losses, labelled, gram=None, after=None):
    @tf.function
    def run():
        for _ in tf.range(steps):
            balancer.update(losses, labelled, gram, after)

    run()
