"""Imports point one way, and what needs no deep learning imports none."""

from __future__ import annotations

import ast
import subprocess
import sys
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
    "evaluate": {"schema"},
    "report": {"schema"},
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


def rooms_imported(path: Path) -> set[str]:
    """Rooms of the package that a file imports anywhere, inside functions too, but for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            typing_only |= {id(inner) for part in node.body for inner in ast.walk(part)}
    package = ["cutis", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{stem}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "cutis" and len(parts) > 1:
                child = PACKAGE / parts[1]
                found.add(parts[1] if child.is_dir() or child.with_suffix(".py").is_file() else "__init__")
    return found


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


def test_the_package_is_found() -> None:
    assert len(FILES) > 20
    assert {"schema", "evaluate", "data", "bundle"} <= {room_of(f) for f in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_direction(path: Path) -> None:
    room, name = room_of(path), path.relative_to(PACKAGE).as_posix()
    others = rooms_imported(path) - FREE - {room}
    others -= {target for glue, target in GLUE if glue == name}
    if room in ALLOWED:
        assert others <= ALLOWED[room], f"{name} imports {sorted(others - ALLOWED[room])}"
    if room not in {"cli", "__init__", "__main__"}:
        assert "cli" not in others, f"{name} imports cli"


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
