"""Data that is given as data frames or arrays by name: written to files, with a config that names them."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from pipeline.config import CONF
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def write_data(data: Mapping[str, Any], name: str) -> Path:
    """Write a data config and its sources below `mlruns/data`, once; return the folder of configs.

    Raises:
        ConfigError: the name is no file name, or belongs to a data set that comes with the program.
    """
    if not name.isidentifier() or (CONF / "data" / f"{name}.yaml").exists():
        raise ConfigError(
            "name", "this cannot be the name of the data", found=name, allowed="a word of your own"
        )
    if not isinstance(data.get("sources"), Mapping) or not data["sources"]:
        raise ConfigError(
            "data.sources", "the rows are missing", allowed="{name: a data frame, …}, see docs/data.md"
        )
    parent = Path("mlruns", "data").resolve()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as temporary:
        made, sources = Path(temporary), {}
        for source, rows in data["sources"].items():
            sources[source] = (
                rows
                if isinstance(rows, str | Path | Mapping) and _is_path(rows)
                else write(rows, made / source)
            )
        digest = hashlib.sha256()
        for file in sorted(path for path in made.iterdir()):
            digest.update(file.name.encode() + file.read_bytes())
        folder = parent / f"{name}-{digest.hexdigest()[:12]}"
        (folder / "data").mkdir(parents=True, exist_ok=True)
        for file in made.iterdir():
            file.replace(folder / file.name)
    places = {
        source: str(folder / rows.name) if isinstance(rows, Path) and rows.parent == made else rows
        for source, rows in sources.items()
    }
    config = OmegaConf.create({**data, "sources": places})
    (folder / "data" / f"{name}.yaml").write_text(OmegaConf.to_yaml(config))
    return folder


def _is_path(rows: Any) -> bool:
    """Whether this is a path, or a path with its options, and not rows."""
    return isinstance(rows, str | Path) or ("path" in rows and isinstance(rows["path"], str | list))


def write(rows: "pd.DataFrame | Mapping[str, Any]", stem: Path) -> Path:
    """Write a table as a parquet file, or arrays by name as an .npz file; return its path.

    Raises:
        ConfigError: the rows are neither.
    """
    import numpy as np
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        path = stem.with_name(f"{stem.name}.parquet")
        rows.to_parquet(path, index=False)
    elif isinstance(rows, Mapping):
        path = stem.with_name(f"{stem.name}.npz")
        arrays: dict[str, Any] = {key: np.asarray(values) for key, values in rows.items()}
        np.savez(path, **arrays)
    else:
        raise ConfigError(
            "data.sources",
            "must be rows or a path",
            found=type(rows).__name__,
            allowed="a data frame, arrays by name",
        )
    return path
