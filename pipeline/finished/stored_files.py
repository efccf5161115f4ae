"""The files that a run stored, which somebody may have replaced: nothing in them is run."""

import zipfile
from pathlib import Path
from typing import Any

import keras
from omegaconf import DictConfig, OmegaConf

from pipeline.config.renamed import stored
from pipeline.data.files.file_errors import check_unpacked
from pipeline.errors import ConfigError
from pipeline.stored_file import mapping_in, readable


def read_config(path: Path) -> DictConfig:
    """Return the config of a run as this version of the program understands it."""
    with readable(path, "run"):
        cfg = OmegaConf.load(path)
        if not isinstance(cfg, DictConfig):
            raise ValueError("not a mapping")
        return stored(cfg)


def read_facts(path: Path) -> dict[str, Any]:
    """Return the mapping in a .json file."""
    with readable(path, "run"):
        return mapping_in(path)


def read_model(path: Path) -> keras.Model:
    """Load a Keras model in safe mode.

    Raises:
        ConfigError: the file is damaged, holds Python code or a class that Keras does not know, or unpacks to
            more than the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(sum(member.file_size for member in archive.infolist()), path, "run")
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except ConfigError:
        raise
    except Exception as error:
        holds_code = "lambda" in str(error).lower() or "safe_mode" in str(error)
        problem = "holds Python code, which is not run" if holds_code else "cannot be loaded"
        raise ConfigError(
            "run",
            f"the model {path} {problem}",
            found=f"{type(error).__name__}: {error}".splitlines()[0],
            allowed="a model of Keras' own layers, as training logs it; or another run",
        ) from error
