"""Imports point one way, and what needs no deep learning imports none."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cutis

PACKAGE = Path(cutis.__file__).parent
FREE = {"errors", "files", "progress", "calls", "extras", "tables", "__init__"}  # the package's own top: for everyone
# Room -> rooms that it may import, besides itself and the free ones.
ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "progress": {"errors"},
    "tables": {"errors"},
    "schema": set(),
    "image": set(),
    "data": {"schema", "image"},
    "evaluate": {"schema", "image"},
    "report": {"schema", "image"},
    "models": {"schema"},
    "phantom": {"schema", "data", "image"},
    "bundle": {"schema", "image", "data", "models", "evaluate"},
    "train": {"schema", "image", "data", "models", "bundle"},
    "audit": {"schema", "image", "data", "models", "bundle", "evaluate", "phantom", "report"},
    "explain": {"schema", "image", "bundle"},
    "serve": {"schema", "image", "data", "bundle", "evaluate", "report", "explain"},
    "papers": {"schema", "data", "image", "phantom", "models", "train", "bundle", "evaluate"},
}
# The one place that joins two rooms: `cutis.evaluate` measures, then renders.
GLUE = {("report/__init__.py", "evaluate")}
DEEP = ("torch", "torchvision", "timm", "lightning", "openvino", "onnxruntime", "onnx")


@cache
def names_imported(path: Path, *, at_once: bool = False) -> frozenset[str]:
    """What a file imports of the package anywhere, inside functions too, but for type checkers: "cutis.data.split".

    at_once: only what is imported with it.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped |= {id(inner) for part in node.body for inner in ast.walk(part)}
        if at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            skipped |= {id(inner) for inner in ast.walk(node)}
    package = ["cutis", *path.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{stem}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return frozenset(name for name in found if name.startswith("cutis."))


def rooms_imported(path: Path) -> set[str]:
    """Rooms of the package that a file imports."""
    rooms = set()
    for name in names_imported(path):
        child = PACKAGE / name.split(".")[1]
        rooms.add(child.name if child.is_dir() or child.with_suffix(".py").is_file() else "__init__")
    return rooms


def file_of(name: str) -> Path | None:
    """The file that a dotted name is, or is a name in."""
    where = PACKAGE.joinpath(*name.split(".")[1:])
    for candidate in (where.with_suffix(".py"), where / "__init__.py"):
        if candidate.is_file():
            return candidate
    return file_of(name.rpartition(".")[0]) if name.count(".") > 1 else None


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def folder_of(path: Path) -> Path | None:
    """The folder of its room that a file is in, as `data/readers`; None for a room's own files."""
    parts = path.relative_to(PACKAGE).parts
    return Path(*parts[:2]) if len(parts) > 2 else None


FILES = sorted(PACKAGE.rglob("*.py"))


def test_the_package_is_found() -> None:
    assert len(FILES) > 20
    assert {"schema", "evaluate", "data", "bundle"} <= {room_of(f) for f in FILES}


def test_direction() -> None:
    wrong = []
    for path in FILES:
        room, name = room_of(path), path.relative_to(PACKAGE).as_posix()
        others = rooms_imported(path) - FREE - {room}
        others -= {target for glue, target in GLUE if glue == name}
        wrong += [f"{name} imports {other}" for other in sorted(others - ALLOWED.get(room, others))]
        if "cli" in others and room not in {"cli", "__init__", "__main__"}:
            wrong.append(f"{name} imports cli")
    assert not wrong


def test_no_circles_between_files() -> None:
    of = {path: {file_of(name) for name in names_imported(path)} - {path, None} for path in FILES}
    TopologicalSorter(of).prepare()  # raises CycleError, which names the circle


def packages_of(path: Path) -> set[Path]:
    """The `__init__.py` that run before this file does."""
    return {folder / "__init__.py" for folder in path.parents if folder.is_relative_to(PACKAGE)} - {path}


def test_whatever_is_imported_first_can_be() -> None:
    """Of what runs when a file is imported, packages of others included; a package's own files run within it."""
    of = {}
    for path in FILES:
        found = {file for name in names_imported(path, at_once=True) if (file := file_of(name)) is not None}
        around = set().union(*(packages_of(file) for file in found)) - packages_of(path)
        of[path] = {file for file in found | around if file != (PACKAGE / "__init__.py")} - {path}
    TopologicalSorter(of).prepare()


def test_no_circles_between_the_folders_of_a_room() -> None:
    """Beside each other; a room's own files join what its folders do."""
    of: dict[Path, set[Path]] = {}
    for path in FILES:
        own = folder_of(path)
        others = {folder_of(file) for name in names_imported(path) if (file := file_of(name)) is not None}
        if own is not None:
            of.setdefault(own, set()).update(o for o in others if o is not None and o.parent == own.parent and o != own)
    TopologicalSorter(of).prepare()


def test_a_circle_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "a").mkdir()
    files = [tmp_path / "a" / "x.py", tmp_path / "a" / "y.py"]
    files[0].write_text("def f():\n    from cutis.a.y import g\n")
    files[1].write_text("import cutis.a.x\n")
    of = {path: {file_of(name) for name in names_imported(path)} for path in files}
    with pytest.raises(CycleError):
        TopologicalSorter(of).prepare()


def test_the_reader_sees_every_kind_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    for room in ("a", "b", "c", "d", "e", "f"):
        (tmp_path / room).mkdir()
    file = tmp_path / "a" / "x.py"
    file.write_text(
        "import cutis.b\nfrom cutis import c\nfrom cutis import __version__\nfrom ..d import y\n"
        "def f():\n    from cutis.e.z import g\n"
        "if TYPE_CHECKING:\n    from cutis.f import h\n"
    )
    assert rooms_imported(file) == {"b", "c", "d", "e", "__init__"}


def loaded_after(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after running `code`."""
    script = f"{code}\nimport sys\nprint(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import cutis.evaluate, cutis.report",
        "import cutis; cutis.evaluate, cutis.Predictions, cutis.Dataset, cutis.Estimate",
    ],
)
def test_evaluate_and_report_load_no_deep_learning(code: str) -> None:
    assert not loaded_after(code) & set(DEEP)


def test_import_cutis_loads_nothing_heavy() -> None:
    assert not loaded_after("import cutis") & {*DEEP, "numpy", "polars", "pydantic", "scipy", "sklearn", "cv2", "PIL"}


def test_measuring_needs_neither_deep_learning_nor_scikit_learn() -> None:
    """Not only at import: a whole evaluation, with these packages made impossible to import."""
    code = f"""
import sys
for name in {(*DEEP, "sklearn")!r}:
    sys.modules[name] = None
import polars as pl
from cutis.evaluate.measure import measure
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo
n = 40
table = pl.DataFrame({{
    "image_id": [str(i) for i in range(n)], "lesion_id": [str(i) for i in range(n)], "patient_id": [None] * n,
    "source": ["here"] * n, "target": ["a", "b"] * (n // 2), "predicted": ["a"] * n,
    "p_a": [0.5 + i / 100 for i in range(n)], "p_b": [0.5 - i / 100 for i in range(n)],
    "set": [["a"]] * n, "ood": [0.0] * n, "status": ["ok"] * n, "reason": [""] * n,
}})
info = PredictionsInfo(classes=(ClassInfo(code="a", name="A"), ClassInfo(code="b", name="B")))
assert measure(Predictions(table, info), resamples=40).find("accuracy").value == 0.5
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
