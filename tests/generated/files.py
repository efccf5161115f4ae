"""Damaged data files from a seeded generator: bytes cut, flipped, inserted, doubled or encoded anew."""

import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ROWS = 60


def table() -> pd.DataFrame:
    """Rows of every kind of cell."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": rng.normal(10, 3, ROWS).round(3),
            "count": rng.integers(0, 9, ROWS),
            "colour": rng.choice(["red", "grün", "blue"], ROWS),
            "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d"),
            "text": [f"word{number} and more" for number in rng.integers(0, 5, ROWS)],
            "photo": [f"{number % 4}.png" for number in range(ROWS)],
            "kind": rng.choice(["a", "b"], ROWS),
            "price": rng.normal(100, 9, ROWS).round(2),
        }
    )


def csv() -> bytes:
    return table().to_csv(index=False).encode()


def parquet() -> bytes:
    stream = io.BytesIO()
    table().to_parquet(stream)
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    frame = table()
    numeric = frame.select_dtypes("number").columns
    arrays = {name: frame[name].to_numpy().astype("f8" if name in numeric else "U") for name in frame}
    np.savez(stream, **arrays)
    return stream.getvalue()


def picture() -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


GOOD: dict[str, Callable[[], bytes]] = {
    "rows.csv": csv,
    "rows.csv.gz": lambda: gzip.compress(csv(), mtime=0),
    "rows.parquet": parquet,
    "rows.npz": npz,
    "photos/0.png": picture,
}


def config(file: str) -> str:
    """A data config that reads every column of the table, and the pictures."""
    return f"""\
sources: {{rows: {file}}}
inputs:
  traits: {{kind: table, numeric: [rows.size, rows.count], categorical: [rows.colour], dates: [rows.day]}}
  text: {{kind: text, column: rows.text}}
  photo: {{kind: image, column: rows.photo, root: photos}}
targets:
  kind: {{kind: category, column: rows.kind}}
  price: {{kind: number, column: rows.price}}
split: {{fractions: [0.6, 0.2, 0.2], seed: 0}}
"""


def damaged(content: bytes, seed: int) -> bytes:
    """The content with the damage of a seed; some of it may be read all the same."""
    draw = random.Random(seed)
    place = draw.randrange(len(content))
    damages: list[Callable[[], bytes]] = [
        lambda: content[:place],
        lambda: content[place:],
        lambda: content[:place] + content[place + draw.randrange(1, 50) :],
        lambda: _flipped(content, draw),
        lambda: content[:place] + draw.randbytes(draw.randrange(1, 30)) + content[place:],
        lambda: content + content[place:],
        lambda: content[:place] + bytes(200) + content[place + 200 :],
        lambda: content.decode("latin-1").encode(draw.choice(["utf-8", "utf-16", "utf-32"])),
        lambda: content[:place].replace(b",", draw.choice([b";", b"", b",,"])) + content[place:],
        lambda: content.replace(b"\n", draw.choice([b"\r", b"", b'"\n', b"\n\n"]), draw.randrange(1, 5)),
        lambda: b"",
    ]
    return draw.choice(damages)()


def _flipped(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randrange(1, 20)):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def write(folder: Path, seed: int) -> str:
    """Write all files, one of them damaged; returns the source that the config is to name."""
    names = list(GOOD)
    name = names[seed % len(names)]
    for number in range(4):
        file = folder / "photos" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture())
    source = name if name.startswith("rows") else "rows.csv"
    (folder / source).write_bytes(GOOD[source]())
    (folder / name).write_bytes(damaged(GOOD[name](), seed))
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "mine.yaml").write_text(config(source))
    return name
