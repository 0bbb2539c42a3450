"""What the parts of the server hand each other: who asks, what an upload became, what a bundle said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cutis.errors import CutisError


class Refused(CutisError):
    """A request that can't be done: one line for the user, and the HTTP status that says it to a program.

    retry_after: seconds after which it may be tried again, for 429 and 503. code: what it is, for a program, where the
    status alone doesn't tell; "" where it does.
    """

    def __init__(self, status: int, words: str, *, retry_after: int | None = None, code: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.retry_after = retry_after
        self.code = code


@dataclass(frozen=True)
class Who:
    """The account behind a request. csrf: the token its forms must carry."""

    account_id: int
    name: str
    role: str
    team: str
    csrf: str = ""


@dataclass(frozen=True)
class Seen:
    """An upload as the model sees it. square: uint8 (size, size, 3), of the bundle's size and constancy. faults: what
    the bundle's gate says of the picture, each "code: advice"."""

    square: np.ndarray
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Taken:
    """An upload, de-identified and looked at. data: the clean file to keep, of `media_type`. seen: by bundle digest.

    width, height: of the upright picture. quality: code, words and value of each measure and artefact. tone: the
    estimate (ITA, its interval, Monk, method) or why there is none. mm_per_pixel: if the file says or a ruler shows it.
    dicom: of a DICOM file, what results beside it need, de-identified; the clean DICOM file itself is in `original`.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    seen: dict[str, Seen]
    quality: dict[str, Any] = field(default_factory=dict)
    tone: dict[str, Any] = field(default_factory=dict)
    mm_per_pixel: float | None = None
    dicom: dict[str, Any] | None = None
    original: bytes | None = None


@dataclass(frozen=True)
class Said:
    """A bundle's answer to one picture: the fields of a row of predictions. features: float32, of length one."""

    bundle: str
    status: str
    reason: str | None
    predicted: str | None
    answer_set: list[str] | None
    probabilities: dict[str, float] | None
    ood: float | None
    features: np.ndarray | None = None


@dataclass(frozen=True)
class Neighbour:
    """A confirmed image of the attached dataset. image: its name in addresses, which says nothing. diagnosis: its class
    there; name: its finest diagnosis in words.
    likeness: cosine, up to 1. confirmed_by: how, if it is stated."""

    image_id: str
    image: str
    lesion_id: str | None
    diagnosis: str
    name: str
    likeness: float
    confirmed_by: str | None
    licence: str
    attribution: str
