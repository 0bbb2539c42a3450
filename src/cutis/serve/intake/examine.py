"""What one upload becomes: seen as each bundle sees it; to be kept, also cleaned and measured. No server in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from cutis.bundle.look import Look
from cutis.data.deidentify.burned_text import letters_in
from cutis.data.deidentify.picture import CleanPicture, clean_picture
from cutis.data.dicom.part10 import is_dicom
from cutis.image.assess import assess
from cutis.image.decode import OVERSAMPLE, BadImage, UnknownFormat, decode, probe
from cutis.image.tone import estimate_tones
from cutis.image.tone.estimate import DEFAULT
from cutis.image.tone.skin_pixels import WORK
from cutis.image.working import SIDE
from cutis.serve.intake import dicom
from cutis.serve.kinds import Refused, Seen, Taken

NAME = "the picture"  # in messages: the name of an upload may be somebody's
MEDIA = {".jpg": "image/jpeg", ".png": "image/png"}
_LEAST = math.ceil(SIDE / OVERSAMPLE)  # as `cutis check` looks: a larger JPEG may be decoded at a part of its size


def examine(data: bytes, looks: Mapping[str, Look], *, keep: bool, key: bytes = b"", max_pixels: int) -> Taken:
    """An upload, of any format that `cutis.image.decode` or `cutis.data.dicom` reads, as `Taken`.

    looks: by bundle digest. keep: else only `seen`, width and height are filled, of the bytes as they came: then the
    squares and faults are those of `Bundle.predict` on the same file. To be kept, a file is cleaned first, and what is
    seen is the clean file, so that what is stored is what was answered. key: of the pseudonyms in a DICOM file.

    Raises Refused, with a code: 415 for what is no picture, 413 for too many pixels or too much memory, 422 for a
    damaged one.
    """
    try:
        if is_dicom(data):
            return _of_dicom(data, looks, keep, key, max_pixels)
        header = probe(data, NAME, max_pixels=2**62)  # whatever it says: the limit is the next line's
        check_size(header.width, header.height, max_pixels)
        if not keep:
            return Taken(b"", "", header.width, header.height, _seen(data, looks))
        clean = clean_picture(data, NAME)
        return _kept(clean, looks)
    except (BadImage, MemoryError) as error:
        raise refused(error) from None


def refused(error: BadImage | MemoryError) -> Refused:
    """What is wrong with a picture, for who sent it."""
    if isinstance(error, MemoryError):
        words, status, code = "The picture takes more memory to read than one may. Scale it down first.", 413, "memory"
    elif isinstance(error, UnknownFormat):
        words, status, code = f"The file is {error.reason}. Export it as JPEG or PNG.", 415, "no_picture"
    else:
        words = f"The picture can't be read: {error.reason}. Send the camera's own file again."
        status, code = 422, "unreadable"
    return Refused(status, words, code=code)


def check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Refused(
            413,
            f"The picture has {width} x {height} pixels; at most {max_pixels / 1e6:.0f} million are taken. "
            "Scale it down first.",
            code="pixels",
        )


def _seen(data: bytes, looks: Mapping[str, Look]) -> dict[str, Seen]:
    return {digest: Seen(*look.see(data, NAME)) for digest, look in looks.items()}


def _of_dicom(data: bytes, looks: Mapping[str, Look], keep: bool, key: bytes, max_pixels: int) -> Taken:
    tags = dicom.opened(data, NAME)
    check_size(int(tags.get("Columns") or 0), int(tags.get("Rows") or 0), max_pixels)
    if not keep:
        pixels, coded = dicom.picture(tags, NAME)
        seen = {d: Seen(*(look.see(coded, NAME) if coded else look.see_pixels(pixels))) for d, look in looks.items()}
        return Taken(b"", "", pixels.shape[1], pixels.shape[0], seen)
    cleaned = dicom.clean(data, tags, NAME, key)
    return _kept(cleaned.picture, looks, cleaned)


def _kept(clean: CleanPicture, looks: Mapping[str, Look], source: dicom.Cleaned | None = None) -> Taken:
    height, width = clean.pixels.shape[:2]
    coded = clean.extension == ".jpg"  # which is quickly decoded at a part of its size; a PNG is decoded already

    def see(look: Look) -> tuple[np.ndarray, list[str]]:
        return look.see(clean.data, NAME) if coded else look.see_pixels(clean.pixels)

    def pixels_for(least: int) -> np.ndarray:
        return decode(clean.data, NAME, least=least) if coded else clean.pixels

    return Taken(
        clean.data,
        MEDIA[clean.extension],
        width,
        height,
        {digest: Seen(*see(look)) for digest, look in looks.items()},
        quality=_quality(clean, source, pixels_for(_LEAST)),
        tone=_tone(pixels_for(WORK)),
        mm_per_pixel=source.mm_per_pixel if source else None,
        dicom=source.facts if source else None,
        original=source.file if source else None,
    )


def _quality(clean: CleanPicture, source: dicom.Cleaned | None, pixels: np.ndarray) -> dict[str, Any]:
    """Plain data: what the measures and detectors say by their own thresholds, and what the cleaning found.

    reasons: faults that a picture may be refused for, the most telling first. removed: kinds of identity, and how many.
    letters: burned into the pixels, so that somebody looks. note: what became of the pixels, "" if nothing.
    """
    said = assess(pixels)
    return {
        "ok": said.ok,
        "reasons": [{"code": r.code, "advice": r.advice, "measures": list(r.measures)} for r in said.reasons()],
        "measures": {
            name: {
                "value": _finite(s.value),
                "threshold": s.threshold,
                "ok": bool(s.ok),
                "code": s.code,
                "advice": s.advice,
            }
            for name, s in said.scores.items()
        },
        "artefacts": {
            name: {"score": _finite(a.score), "threshold": a.threshold, "present": bool(a.present)}
            for name, a in said.artefacts.items()
        },
        "removed": dict(clean.removed if source is None else clean.removed + source.removed),
        "letters": letters_in(clean.pixels) if source is None else source.letters,
        "note": clean.note,
    }


def _tone(pixels: np.ndarray) -> dict[str, Any]:
    """The fields of a `ToneEstimate` by the project's own method; its interval is drawn with seed 0."""
    tones = estimate_tones(pixels, methods=[DEFAULT], rng=np.random.default_rng(0))
    said = asdict(tones[DEFAULT])
    return {name: _finite(value) if isinstance(value, float) else value for name, value in said.items()}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
