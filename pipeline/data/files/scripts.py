"""Which old encoding text has, judged by how often languages use their letters.

A wrong guess changes every word of a file, so that only sure ones are made: see `find_script`.
"""

import codecs
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

SIGNS = "€£¥§°²³«»ºª¡¿–—…‘’“”•®©µ½¼„№·\u00a0"  # not letters, but usual in text
WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
UTF_8 = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
MOST_WORDS = 1000  # that are looked at
FEWEST = 12  # letters beyond ASCII that a guess needs
MARGIN = 9.0  # by how much the log-likelihood must be above that of every other reading
DOUBT = 3.0  # the same, for a doubt about the most common encoding
SLACK = 1.0  # by how much a letter's mean log-likelihood may be below what the language has
UNUSUAL = math.log(1e-4)  # of a letter that the language does not have, or a sign amid a word
CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5")
# Letters by frequency; of languages in Latin letters, those beyond ASCII.
LETTERS: list[tuple[tuple[str, ...], str]] = [
    (CYRILLIC, "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"),  # Russian
    (("cp1251", "koi8-u"), "оанівиетркслдумпязьбгйчжхюцщєїшфґ"),  # Ukrainian
    (("cp1251",), "аоиетнрсвлдкпмзугябъчйцщхжшюфь"),  # Bulgarian
    (("cp1251",), "аоиенрстјвукдпмлзгбчшцжхћљњђфџѓќѕ"),  # Serbian, Macedonian
    (("cp1253",), "αοιεντρσκπηυςμλίόάέωδγήχθύφώβξζψϊ"),
    (("cp1255",), "יוהלארתשמנבדחעקפגכםצןטסזךץף"),
    (("cp1256",), "ايلمنروتبةعدسفهكقحأجشصىخإطضذثغءئزآؤظ"),
    (("cp874",), "านรอกเงมยลวดท่สตะปบคหแ้จพชข็ใไโผธณซศภถฟ์ิีืุูั"),
    (("cp1252",), "äüöß"),
    (("cp1252",), "éèàêçôîâûùëïœ"),
    (("cp1252",), "óíáéñúü"),
    (("cp1252",), "ãçáéíóêõúâàô"),
    (("cp1252",), "àèòùìé"),
    (("cp1252",), "åäöé"),
    (("cp1252",), "øåæé"),
    (("cp1252",), "áíðóþéöúæý"),
    (("cp1252",), "éáíóüöäèñçãàøåêâôúëïßæîœùûõìòýðþ"),  # names of several countries
    (("cp1250", "iso8859-2"), "łóąężśćńź"),
    (("cp1250", "iso8859-2"), "íáěéýčřšžůúóňťďäľĺŕô"),  # Czech, Slovak
    (("cp1250", "iso8859-2"), "áéöóőüíúű"),
    (("cp1250", "iso8859-2"), "čšžćđ"),  # Croatian, Slovene, Serbian
    (("cp1250",), "ăîţşâ"),
    (("cp1254",), "ıüşğöçİâî"),
    (("cp1257",), "ėšųžūįčąę"),
    (("cp1257",), "āīēšūžņļčģķ"),
    (("cp1257",), "õäüöšž"),
]


@dataclass(frozen=True)
class Alphabet:
    """The letters of a language and how it writes words."""

    encoding: str
    letters: str

    @property
    def latin(self) -> bool:
        """Whether its letters stand beside those of ASCII."""
        return self.encoding in ("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257")

    @cached_property
    def logs(self) -> dict[str, float]:
        """The logarithm of each letter's share, which falls from the first to the last by a factor of 27."""
        weights = [math.exp(-3.3 * rank / len(self.letters)) for rank in range(len(self.letters))]
        return {
            letter: math.log(weight / sum(weights))
            for letter, weight in zip(self.letters, weights, strict=True)
        }

    @cached_property
    def expected(self) -> float:
        """The mean log-likelihood of a letter of the language's own texts."""
        return sum(math.exp(log) * log for log in self.logs.values())

    def read(self, words: bytes) -> "Reading | None":
        """Words as this language writes them; None if they have none of its letters."""
        try:
            text = words.decode(self.encoding)
        except UnicodeDecodeError:
            return None
        total, count, odd = 0.0, 0, 0
        for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
            if letter.isascii():
                continue
            if not letter.isalpha() and letter not in self.logs:
                is_odd = _is_odd(before, letter, after)
                total, odd = total + UNUSUAL * is_odd, odd + is_odd
                continue
            count += 1
            total += self.logs.get(letter.lower(), self.logs.get(letter, UNUSUAL))
            total += UNUSUAL * (letter.isupper() and before.islower())
            beside = before if before != " " else after
            if beside.isalpha() and beside.isascii() != self.latin:
                total += math.log(0.4 if self.latin else 0.01)
        return Reading(self.encoding, text, total, count, odd, self.expected) if count else None


def _is_odd(before: str, sign: str, after: str) -> bool:
    """Whether a sign is not usual in text, or not at this place."""
    if unicodedata.category(sign)[0] in "MN":  # marks of letters, digits
        return False
    amid = before.isalpha() if sign in "¿¡£„“" else after.isalpha() and sign in "²³¹°ºª½¼€£¥µ"
    return amid or sign not in SIGNS or (sign == "£" and after.isalpha())


ALPHABETS = [Alphabet(encoding, letters) for encodings, letters in LETTERS for encoding in encodings]


def find_script(head: bytes, *, whole: bool) -> str | None:
    """The codec of text that is neither Unicode nor ASCII; None if it is not sure.

    Args:
        head: the first bytes of a file.
        whole: whether these are all.
    """
    beyond = sum(byte > 127 for byte in head)
    if 2 * sum(map(len, UTF_8.findall(head))) > beyond:
        return None  # damaged UTF-8
    pairs = dict(_east_asian(head, whole))
    found = [*(encoding for encoding, sure in pairs.items() if sure), *_alphabetic(head)]
    return found[0] if len(found) == 1 and len(pairs.keys() | {*found}) == 1 else None


def contradicts(text: bytes, encoding: str) -> bool:
    """Whether the words of a text are much likelier in another encoding of 256 signs than in this one."""
    readings = _readings(text)
    own = max((one.total for one in readings if one.encoding == encoding), default=-math.inf)
    return any(one.total > own + DOUBT for one in readings)


def _alphabetic(head: bytes) -> Iterator[str]:
    """The encoding of 256 signs that makes the words likelier than every other does."""
    readings = _readings(head)
    if not readings:
        return
    best = max(readings, key=lambda one: one.total)
    others = max((one.total for one in readings if one.text != best.text), default=-math.inf)
    likely = best.beyond >= FEWEST and not best.odd and best.total / best.beyond > best.expected - SLACK
    if likely and best.total - others > MARGIN:
        yield next(one.encoding for one in readings if one.text == best.text)


class Reading(NamedTuple):
    """Words in the letters of an alphabet: their log-likelihood, letters beyond ASCII, and odd signs."""

    encoding: str
    text: str
    total: float
    beyond: int
    odd: int
    expected: float


def _readings(head: bytes) -> list[Reading]:
    words = b" ".join(WORD.findall(head)[:MOST_WORDS])
    return [found for alphabet in ALPHABETS if (found := alphabet.read(words)) is not None]


def _east_asian(head: bytes, whole: bool) -> Iterator[tuple[str, bool]]:
    """The encodings of two bytes for a sign that make text of common signs, and whether this one is sure."""
    for encoding, shares in (("cp932", _japanese), ("gb18030", _chinese)):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
        except UnicodeDecodeError:
            continue
        signs = [sign for sign in text if not sign.isascii()]
        if signs:
            common, typical = shares(signs)
            if common > 0.9:
                yield encoding, len(signs) >= FEWEST and common > 0.96 and typical


def _japanese(signs: list[str]) -> tuple[float, bool]:
    """The share of kana and of the 2,965 kanji that the standard has as common; whether most are these."""
    codes = [sign.encode("cp932") for sign in signs]
    kanji = sum(b"\x88\x9f" <= code <= b"\x98\x72" for code in codes)
    marks = sum(len(code) == 2 and 0x81 <= code[0] <= 0x83 for code in codes)
    kana = sum("\u3041" <= sign <= "\u30fe" for sign in signs)
    return (kanji + marks) / len(signs), kanji + kana >= 0.7 * len(signs)


def _chinese(signs: list[str]) -> tuple[float, bool]:
    """The share of the 3,755 signs that the standard has as common, in the order of their sounds.

    Korean and Japanese have other signs at these places, hardly any of them at those of the last sounds,
    which the second value tells.
    """
    codes = [sign.encode("gb18030") for sign in signs]
    pairs = [code[0] for code in codes if len(code) == 2 and code[1] > 0xA0]
    common = [lead for lead in pairs if 0xB0 <= lead <= 0xD7]
    marks = sum(lead in (0xA1, 0xA3) for lead in pairs)
    last = sum(lead >= 0xD0 for lead in common)
    kana = sum(lead in (0xA4, 0xA5) for lead in pairs)
    share = (len(common) + marks + kana) / len(signs)
    return share, not kana and 0.08 * len(common) < last < 0.6 * len(common)
