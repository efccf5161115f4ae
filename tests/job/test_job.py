"""The parts of a job belong together."""

from pipeline.job.job import Job


def test_every_part_has_the_same_heads_inputs_and_splits(untrained: Job) -> None:
    job, heads = untrained, {*untrained.heads}
    of_heads = (job.loss_weights, job.schedules, job.trainer.losses, job.model.output, job.dataset.targets)
    assert all({*part} == heads for part in of_heads)
    assert {*job.dataset.inputs} == {*job.model.input}
    assert {*job.rows} == {*job.references} == {*job.dataset.splits}
    for split, references in job.references.items():
        assert {*references} == heads
        assert len(job.rows[split]) == len(job.dataset.splits[split].rows)
