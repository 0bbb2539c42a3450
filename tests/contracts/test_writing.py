"""Files are written in one way: by `cutis.files`, aside and then renamed, where a full disk can be told."""

from __future__ import annotations

import re
from pathlib import Path

import cutis

PACKAGE = Path(cutis.__file__).parent
# The workbench's store of pictures has files of its own, which it sweeps itself.
APART = {"serve/store/pictures.py"}
POLARS = re.compile(r"[\w)\]]\.(write_(parquet|csv|ndjson|json|ipc|avro|delta|excel)|sink_\w+)\(")
PARTIAL = re.compile(r"\b(mkstemp|mkdtemp)\(")


def test_tables_and_partial_files_are_made_by_files() -> None:
    files = {p.relative_to(PACKAGE).as_posix(): p.read_text("utf-8") for p in PACKAGE.rglob("*.py")}
    others = {name: text for name, text in files.items() if not name.startswith("files/")}
    assert len(others) > 500
    polars = [name for name, text in others.items() if POLARS.search(text)]
    assert polars == [], "polars writes to memory only: use cutis.files.write_parquet or write_csv"
    partial = [name for name, text in others.items() if PARTIAL.search(text) and name not in APART]
    assert partial == [], "use cutis.files.atomic_file or atomic_folder"
    assert [name for name, text in files.items() if POLARS.search(text)] == ["files/aside.py"]


def test_the_patterns_see_every_kind_of_call() -> None:
    for call in ("table.write_parquet(p)", "made.table().write_csv(p)", "pl.scan_csv(p).sink_parquet(q)"):
        assert POLARS.search(call)
    for call in ("write_csv(p, table)", "write_json(p, {})"):
        assert not POLARS.search(call)
    assert PARTIAL.search("tempfile.mkdtemp(dir=p)")
