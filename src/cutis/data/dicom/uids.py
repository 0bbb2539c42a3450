"""Unique identifiers that are the same for the same thing, on every machine.

A DICOM UID may be made of a UUID as 2.25.<its number> (PS3.5 B.2); a UUID may be made of a name by a hash (RFC 9562,
version 5). So the UID of an image is a hash of what it is, not of when it was written.
"""

from __future__ import annotations

import uuid

# Drawn once; every Cutis UID is a name in this space.
_SPACE = uuid.UUID("6f0f3f0d-2b3b-4f0e-9f6e-6c7b1d1c5a52")
# In the file's meta header: which program wrote it (PS3.10, 7.1).
IMPLEMENTATION_NAME = "CUTIS"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def uid(*name: str | None) -> str:
    """The UID of a thing named by several parts, which are kept apart; None and "" are the same."""
    return f"2.25.{uuid.uuid5(_SPACE, chr(31).join(part or '' for part in name)).int}"


IMPLEMENTATION = uid("implementation")
