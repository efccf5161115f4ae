"""The rows that an ensemble of folds tested once: each as the member says that did not train on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.comparison.logged_rows import logged_rows
from pipeline.conformal import CrossCalibration, MemberOutputs, Region
from pipeline.data.kinds import Target
from pipeline.finished.class_order import spread
from pipeline.finished.cross_rows import member_outputs
from pipeline.finished.members import MEMBERS_TAG
from pipeline.finished.run import FinishedRun, Forward, Outputs
from pipeline.heads import Head
from pipeline.model.ensemble import raw_of
from pipeline.model.layer_names import PRESENTER
from pipeline.stored_file import list_in_tag
from pipeline.tracking import StoredRun

Array = np.ndarray[Any, Any]
SAID = (
    "each row is evaluated by the one of the models that did not train on it, so these are results of single "
    "models: those of the ensemble are usually better"
)


@dataclass(frozen=True)
class OutOfFold:
    """The rows that the members of an ensemble tested.

    Args:
        rows: their numbers, ascending.
        holders: (rows,) the first member that tested the row.
        apart: (members, members) whether two members tested no row in common.
        temperatures: class head -> that of the ensemble.
    """

    rows: Array
    holders: Array
    apart: Array
    temperatures: Mapping[str, float]

    @classmethod
    def of(cls, run: StoredRun) -> "OutOfFold":
        """Read which rows each member of a sweep's ensemble tested."""
        members = (run.client.get_run(name) for name in list_in_tag(run, MEMBERS_TAG))
        tested = [
            logged_rows(StoredRun.of(run.client, run.uri, one), "test")["row"].to_numpy() for one in members
        ]
        rows, first = np.unique(np.concatenate(tested), return_index=True)
        holders = np.repeat(np.arange(len(tested)), [len(one) for one in tested])[first]
        apart = np.array([[not np.isin(one, other).any() for other in tested] for one in tested])
        start, end = "calibration/", "_temperature"
        temperatures = {
            name.removeprefix(start).removesuffix(end): value
            for name, value in run.metrics.items()
            if name.startswith(start) and name.endswith(end)
        }
        return cls(rows, holders, apart, temperatures)

    def outputs(
        self,
        finished: FinishedRun,
        found: Outputs,
        heads: Mapping[str, Head],
        targets: Mapping[str, Target],
    ) -> Outputs:
        """Return for each row the outputs of its member, as the ensemble would give them if it had no other.

        Args:
            found: the outputs of the ensemble and its members for all rows.
        """
        raw = {}
        for name, head in heads.items():
            held = self._held([self._of_member(finished, found, name, k) for k in range(len(self.apart))])
            converted = raw_of(head, targets[name], held, self.temperatures.get(name, 1.0))
            raw[name] = np.asarray(converted, np.float32)
        presenter = Forward(finished.model.get_layer(PRESENTER), finished.batch())
        return Outputs(raw, presenter(raw))

    def regions(self, finished: FinishedRun, found: Outputs, own: Outputs) -> dict[str, Region]:
        """Return sets and intervals of each row by its member, from the rows of the other folds.

        Args:
            found: the outputs of the ensemble and its members for all rows.
            own: those that `outputs` returned.
        """
        assert isinstance(finished.calibration, CrossCalibration)
        names = {head: one.names for head, one in finished.columns.items()}
        members = member_outputs(found.members, finished.member_targets, names)
        present = finished.model.get_layer(PRESENTER)
        pieces = []
        for place, member in enumerate(members):
            at = np.flatnonzero(self.holders == place)
            others = [
                one
                for one, apart in zip(finished.calibration.members, self.apart[place], strict=True)
                if apart
            ]
            if not len(at):
                continue
            if not others:
                return {}
            of_rows = MemberOutputs(
                {name: values[at] for name, values in member.outputs.items()}, member.rescaled
            )
            rest = CrossCalibration(others, finished.calibration.disjoint)
            mine = own.at(at)
            pieces.append((at, rest.regions([of_rows] * len(others), mine.raw, mine.readable, present)))
        common = [head for head in names if all(head in of_piece for _, of_piece in pieces)]
        return {head: self._joined([(at, of_piece[head]) for at, of_piece in pieces]) for head in common}

    def _of_member(self, finished: FinishedRun, found: Outputs, name: str, place: int) -> Array:
        outputs, target = found.members[place][name], finished.member_targets[place][name]
        return (
            spread(outputs, target.names, finished.columns[name].names)
            if target.kind == "category"
            else outputs
        )

    def _held(self, of_members: Sequence[Array]) -> Array:
        """Return for each row the values of its member."""
        return np.stack(of_members)[self.holders, np.arange(len(self.holders))]

    def _joined(self, pieces: Sequence[tuple[Array, Region]]) -> Region:
        order = np.argsort(np.concatenate([at for at, _ in pieces]))

        def joined(side: str) -> Array | None:
            values = [getattr(one, side) for _, one in pieces]
            return None if values[0] is None else np.concatenate(values)[order]

        return Region(joined("sets"), joined("low"), joined("high"), pieces[0][1].flags)
