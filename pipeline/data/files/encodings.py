"""The encoding of a text file, found in its first bytes."""

import codecs
import re

from pipeline.data.files.scripts import contradicts, find_script

WESTERN = "cp1252"  # how programs on Windows write the languages of Western Europe
UNICODE = {"utf-8", "utf-16", "utf-16-le", "utf-16-be"}  # encodings that are found for sure
BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SIGNS = "€£¥§°²³«»ºª¡¿–—…‘’“”•®©µ½¼ß"  # not letters, but usual in such texts
SHARE_OF_ZEROS = 0.4  # of every other byte of UTF-16 text in Latin letters
MOST_HIGH = 0.5  # share of a word's bytes that are no ASCII: other scripts have nearly all
OTHERS = (
    "cp1252 (Western Europe), cp1250 (Central Europe), cp1251 or koi8-r (Cyrillic), cp1253 (Greek), cp1254 "
    "(Turkish), gb18030 (Chinese), big5, cp932 (Japanese), euc_jp, euc_kr (Korean)"
)


def find_encoding(head: bytes, *, whole: bool) -> str:
    """The codec of text: UTF-8, UTF-16, or an older one where the letters are those of a language.

    Text in Latin letters that no language has for sure is read as that of Western Europe, cp1252.

    Args:
        head: the first bytes of a file.
        whole: whether these are all.
    """
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 1 and head[first::2].count(0) > SHARE_OF_ZEROS * len(head):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        return find_script(head, whole=whole) or (WESTERN if is_western(head) else "utf-8")
    return "utf-8"


def is_western(text: bytes) -> bool:
    """Whether bytes that are not UTF-8 are text of Western Europe: accents on few letters of a word.

    Nothing else is guessed: in text of another script nearly all bytes are beyond ASCII.
    """
    if re.search(rb"[\xc3-\xf4][\x80-\xbf]", text):
        return False  # UTF-8 in part
    words = re.findall(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*", text)
    high = b"".join(words).translate(None, bytes(range(128)))
    try:
        usual = [sign.isalpha() or sign in SIGNS for sign in high.decode(WESTERN)]
    except UnicodeDecodeError:
        return False
    rare = len(high) <= MOST_HIGH * len(b"".join(words))
    return all(usual) and rare and not contradicts(text, WESTERN)
