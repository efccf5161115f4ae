"""The encoding of text is found where the bytes tell it."""

from pathlib import Path

import pytest

from pipeline.data.columns import strings
from pipeline.data.files.encodings import find_encoding
from pipeline.errors import ConfigError
from tests.data.small_data import read_column


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("a,Köln,Öl", "utf-8", "utf-8"),
        ("a,b", "ascii", "utf-8"),
        ("a,Köln,Öl", "utf-16", "utf-16"),
        ("a,Köln,Öl", "utf-16-le", "utf-16-le"),
        ("a,Köln,Öl", "utf-16-be", "utf-16-be"),
        ("a,Köln,Öl", "cp1252", "cp1252"),
        ("Café,10 €,señor", "cp1252", "cp1252"),
        # Few letters of other scripts are not guessed.
        ("a,Москва,Киев", "cp1251", "utf-8"),
        ("a,Αθήνα", "cp1253", "utf-8"),
        ("a,東京都", "shift_jis", "utf-8"),
        ("a,北京市", "gb18030", "utf-8"),
    ],
)
def test_encodings_are_found(text: str, encoding: str, found: str) -> None:
    assert find_encoding(text.encode(encoding), whole=True) == found


def test_a_letter_that_the_sample_cuts_is_no_error_and_damaged_text_is() -> None:
    assert find_encoding("aö".encode()[:-1], whole=False) == "utf-8"
    assert find_encoding("Köln ".encode() + "Köln".encode("cp1252"), whole=True) == "utf-8"  # both at once


def test_letters_far_down_a_file_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = ["a,b", *["x,1"] * 50_000, "Köln,2"]
    (tmp_path / "s.csv").write_bytes("\n".join(rows).encode("cp1252"))
    assert strings(read_column("s.csv", "s.a", tmp_path))[-1] == "Köln"
    assert caplog.messages == ["data.sources.s: s.csv is read with encoding: 'cp1252', as 'Köln'"]


def test_other_encodings_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes("a,b\nМосква,1\n".encode("cp1251"))
    with pytest.raises(
        ConfigError, match=r"(?s)is not UTF-8: column 'a', row 0.*cp1251 or koi8-r \(Cyrillic\)"
    ):
        read_column("s.csv", "s.a", tmp_path)
