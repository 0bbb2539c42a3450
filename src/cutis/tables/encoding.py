"""From the bytes of a text file to its text, never guessing: what can't be told for sure is refused."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import BinaryIO

from cutis.errors import CutisError

_BLOCK = 8 * 2**20  # bytes looked at at a time
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Letters and signs of Western European text beyond ASCII. What Windows-1252 makes of other encodings holds others too.
_WESTERN = set("äöüÄÖÜßéèêëÉÈÊËàâáãåæÀÂÁÃÅÆçÇñÑíìîïÍÌÎÏóòôõøœÓÒÔÕØŒúùûÚÙÛýÿÝðþÐÞ°µ²³±×·§€£–—‘’“”„…•«»®©™½¼¾ºª¿¡´¨\xa0")


def encoding_of(data: bytes, path: Path) -> tuple[str, int]:
    """(encoding, bytes of its mark) that the beginning of a file shows: UTF-8 unless it is plainly UTF-16 or UTF-32.

    Raises CutisError for zero bytes that are neither.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    some = data[:4096]
    if b"\0" in some:
        even, odd = some[::2].count(0), some[1::2].count(0)
        if not even and 3 * odd > len(some):
            return "utf-16-le", 0
        if not odd and 3 * even > len(some):
            return "utf-16-be", 0
        raise CutisError(f"{path}: binary data; expected a CSV with a header line.")
    return "utf-8", 0


def is_utf8(file: BinaryIO) -> bool:
    """Whether the whole file is."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(_BLOCK):
            if not block.isascii() or decoder.getstate()[0]:
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def decoded(data: bytes, path: Path) -> tuple[str, list[str]]:
    """(text, notes). Windows-1252 is told by a note, and only taken where all of it reads as Western European text.

    Raises CutisError for bytes whose encoding can't be told.
    """
    encoding, mark = encoding_of(data, path)
    try:
        return data[mark:].decode(encoding), []
    except UnicodeDecodeError as error:
        at = error.start + mark
    line = 1 + data[:at].count(b"\n")
    refused = CutisError(
        f"{path}: not UTF-8 text (line {line}, byte {at}), and its encoding can't be told. Save it as UTF-8 "
        '("CSV UTF-8" in a spreadsheet).'
    )
    mac = b"\r" in data and b"\n" not in data  # an old Mac's lines: then its letters have an old Mac's numbers too
    if encoding != "utf-8" or mark or mac:
        raise refused
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise refused from None
    if re.search(r"[^\x00-\x7f]{3}", text) or not set(re.findall(r"[^\x00-\x7f]", text)) <= _WESTERN:
        raise refused
    letters = list(dict.fromkeys(re.findall(r"[^\x00-\x7f]", text)))  # never words: they may be names of people
    shown = " ".join(letter for letter in letters[:8] if not letter.isspace())
    return text, [
        f"{path.name} is not UTF-8; read as Windows-1252, with the letters {shown}. If it has others, save it as UTF-8"
    ]
