"""Whether the pictures on the disk are those that the cases were read from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from cutis.files import sha256_file
from cutis.serve.store.pictures import place_of
from cutis.serve.store.tables import Photograph

_AT_ONCE = 1000


def changed_pictures(session: Session, folder: Path) -> Iterator[str | None]:
    """For each file that a photograph has (its picture, and the DICOM file beside it): None if it is in `folder` with
    the bytes of its digest, else what is wrong with it. Every file is read whole: its time and size can be put back.

    That the photographs' own digests are those of the trail, `compare` says.
    """
    for photograph_id, case_id, digest in _files(session):
        where = f"photograph {photograph_id} of case {case_id}"
        if not re.fullmatch("[0-9a-f]{64}", str(digest)):
            yield f"{where}: its file's digest is none"
            continue
        path = place_of(folder, digest)
        if path.exists() and not path.is_file():  # a pipe, or a link to a device, would be read forever
            yield f"{where}: its file {digest} can't be read (it is no file)"
            continue
        try:
            same = sha256_file(path) == digest
        except FileNotFoundError:
            yield f"{where}: its file {digest} was removed"
        except OSError as error:
            yield f"{where}: its file {digest} can't be read ({(error.strerror or 'error').lower()})"
        else:
            yield None if same else f"{where}: its file {digest} was changed or exchanged"


def _files(session: Session) -> Iterator[tuple[str, str, Any]]:
    # As text: a forged value need not be JSON.
    columns = (Photograph.id, Photograph.case_id, Photograph.digest, cast(Photograph.dicom, Text))
    last = ""
    while page := session.execute(
        select(*columns).where(Photograph.id > last).order_by(Photograph.id).limit(_AT_ONCE)
    ).all():
        for photograph_id, case_id, digest, dicom in page:
            yield photograph_id, case_id, digest
            if file := _file_of(dicom):
                yield photograph_id, case_id, file
        last = page[-1][0]


def _file_of(dicom: str | None) -> Any:
    try:
        known = json.loads(dicom or "null")
    except (ValueError, RecursionError):
        return None  # `compare` says so
    return known.get("file") if isinstance(known, dict) else None
