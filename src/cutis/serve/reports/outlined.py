"""Which photographs an outline can stand beside as DICOM; told without pydicom, so that a page can ask."""

from __future__ import annotations

from cutis.serve.store.tables import Photograph

_FRAMES, _ROWS, _COLUMNS = "00280008", "00280010", "00280011"


def takes_outline(photograph: Photograph) -> bool:
    """Whether it came as a DICOM image of one frame, and is shown as large as that is."""
    header = (photograph.dicom or {}).get("header", {})
    frames, rows, columns = ((header.get(tag, {}).get("Value") or [None])[0] for tag in (_FRAMES, _ROWS, _COLUMNS))
    return int(frames or 1) == 1 and (columns, rows) == (photograph.width, photograph.height)
