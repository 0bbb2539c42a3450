"""Files on disk: written aside and renamed, one writer at a time, and a full disk said in one line."""

from cutis.files.aside import (
    atomic_file,
    atomic_folder,
    parquet_bytes,
    refuse_existing,
    write_csv,
    write_json,
    write_parquet,
)
from cutis.files.content import canonical_json, read_json, sha256_file, sha256_text
from cutis.files.disk import disk_errors
from cutis.files.lock import only_writer
from cutis.files.reference import reference, resolved, without_paths

__all__ = [
    "atomic_file",
    "atomic_folder",
    "canonical_json",
    "disk_errors",
    "only_writer",
    "parquet_bytes",
    "read_json",
    "reference",
    "refuse_existing",
    "resolved",
    "sha256_file",
    "sha256_text",
    "without_paths",
    "write_csv",
    "write_json",
    "write_parquet",
]
