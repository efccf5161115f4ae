"""Opens the sources of a data set as its split needs them, and splits their rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.data.file_rows import FileRows
from pipeline.data.folds import fold_codes
from pipeline.data.kinds import Input, Target
from pipeline.data.named_rows import NamedRows
from pipeline.data.source import SourceEntry
from pipeline.data.sources import Sources
from pipeline.data.splits import Rows, assign
from pipeline.data_options import SPLIT_ROWS


def column_keys(inputs: Mapping[str, Input], targets: Mapping[str, Target]) -> dict[str, str]:
    """Column -> the config key that names it."""
    return {
        reference: f"data.{group}.{name}.{option}"
        for group, parts in (("inputs", inputs), ("targets", targets))
        for name, part in parts.items()
        for reference, option in part.references().items()
    }


@dataclass(frozen=True)
class Splitter:
    """Opens sources so that their rows can be split, and splits them."""

    inputs: Mapping[str, Input]
    targets: Mapping[str, Target]
    options: Mapping[str, Any]
    seed: int

    def open(
        self,
        sources: Mapping[str, SourceEntry],
        columns: Mapping[str, str],
        others: Collection[str] = (),
        **options: Any,
    ) -> Sources:
        """The joined sources, with the columns read that the data set and its split need.

        Args:
            columns: column -> the config key that names it.
            others: further columns, which are read later.
        """
        named = column_keys(self.inputs, self.targets) if self._by_names else {}
        chosen = [self.options[word] for word in ("column", "time", "group") if self.options.get(word)]
        strata = [column for name in self._stratify() for column in self._columns().get(name, [name])]
        references = [*columns, *named, *others, *chosen, *strata]
        joined = Sources(sources, references=references, whole=not self._by_names, **options)
        joined.read({**columns, **named})
        return joined

    def split(self, joined: Sources) -> tuple[np.ndarray, np.ndarray]:
        """The hash of each row, and the code of its split: 0 train, 1 val, 2 test, 3 none of them."""
        rows = self._rows(joined)
        codes = assign(self.options, joined, rows)
        return rows.hashes, fold_codes(
            self.options, joined, rows, codes
        ) if "folds" in self.options else codes

    def _rows(self, joined: Sources) -> Rows:
        seed = self.options.get("seed", self.seed)
        if not self._by_names:
            drawn = "fractions" in self.options and "time" not in self.options
            return FileRows(joined, self._columns(), seed, drawn=drawn)
        keys = column_keys(self.inputs, self.targets)
        values = [joined.values(reference, key) for reference, key in sorted(keys.items())]
        numeric = [name for name, target in self.targets.items() if target.kind == "number"]
        return NamedRows(joined, values, self._columns(), numeric, seed)

    @property
    def _by_names(self) -> bool:
        return bool(self.options.get("rows", SPLIT_ROWS[0]) == "named")

    def _columns(self) -> dict[str, list[str]]:
        return {name: list(target.references()) for name, target in self.targets.items()}

    def _stratify(self) -> list[str]:
        stratify = self.options.get("stratify") or []
        return [stratify] if isinstance(stratify, str) else list(stratify)
