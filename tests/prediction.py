"""What `pipeline.predict` is given where a test says nothing else, and a file to predict."""

from pipeline.config import CONF

PENGUINS = CONF.parent / "pipeline" / "datasets" / "penguins.csv"
DEFAULTS = {
    "key": None,
    "missing": [],
    "root": None,
    "level": None,
    "explain": False,
    "tracking": {"uri": None},
}
