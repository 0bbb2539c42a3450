"""Tables are read in one place, so that every command opens exactly the file that is named and reads it alike."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import cutis

PACKAGE = Path(cutis.__file__).parent
# Files of the package's own, and metadata beside what `cutis.tables` reads.
OWN = {
    ("data/deidentify/profile.py", "csv.DictReader"),
    ("papers/results.py", "csv.DictReader"),
    ("schema/predictions.py", "pq.read_schema"),
    ("evaluate/reading.py", "pq.read_schema"),
}


_MAY_READ = re.compile(r"\.(read|scan)_(?!text|bytes|json)|csv\.|from (csv|polars|pandas|pyarrow)|DictReader")


def bare_reads(path: Path) -> set[str]:
    """Calls in a file that read a table: polars', pyarrow's and pandas' read_ and scan_, the csv module's readers."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            table = module in ("pl", "polars", "pd", "pandas", "pq", "pyarrow") and name.startswith(("read_", "scan_"))
            if table or (module == "csv" and name in ("reader", "DictReader")):
                found.add(f"{module}.{name}")
        elif isinstance(node, ast.ImportFrom) and node.module in ("polars", "csv", "pandas", "pyarrow.parquet"):
            found |= {a.name for a in node.names if a.name.startswith(("read", "scan", "DictReader"))}
    return found


def test_only_the_reader_of_tables_reads_tables() -> None:
    found = {
        (path.relative_to(PACKAGE).as_posix(), call)
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "tables" and _MAY_READ.search(path.read_text(encoding="utf-8"))
        for call in bare_reads(path)
    }
    assert found == OWN, "read tables with cutis.tables"


def test_polars_is_never_given_a_pattern_or_a_home_folder() -> None:
    """In the one place itself: each call says glob=False, and its path is absolute."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (PACKAGE / "tables").glob("*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    calls = [call for call in map(ast.unparse, nodes) if call.startswith(("pl.read_", "pl.scan_"))]
    assert len(calls) == 3
    assert all("glob=False" in call for call in calls)


def test_a_bare_call_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import polars as pl, csv\nf = pl.read_csv\npl.scan_parquet('x')\ncsv.reader(y)\n")
    assert bare_reads(tmp_path / "x.py") == {"pl.read_csv", "pl.scan_parquet", "csv.reader"}
    (tmp_path / "x.py").write_text("from polars import read_ipc\nfrom csv import DictReader\n")
    assert bare_reads(tmp_path / "x.py") == {"read_ipc", "DictReader"}
