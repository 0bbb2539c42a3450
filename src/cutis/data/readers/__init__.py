"""Readers of source layouts, by name. A next dataset is one file with a `READER`, and a line here."""

from __future__ import annotations

from cutis.data.readers import csv_folder, folder, ham10000
from cutis.data.readers.base import Found, Options, Reader, Record

# In the order in which "auto" asks them: the most particular first.
READERS: dict[str, Reader] = {
    "ham10000": ham10000.READER,
    "csv": csv_folder.READER,
    "folder": folder.READER,
}

__all__ = ["READERS", "Found", "Options", "Reader", "Record"]
