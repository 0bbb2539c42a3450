"""A bundle that is not exactly what was frozen is refused in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cutis.bundle.load import content_digest, load_bundle
from cutis.errors import CutisError
from cutis.files import write_json

FILES = ["bundle.json", "card.md", "model.onnx", "ood.safetensors", "weights.safetensors"]


@pytest.fixture
def copied(frozen: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(frozen, tmp_path / "copy"))


def refused(path: Path, words: str, **choice: str) -> None:
    with pytest.raises(CutisError, match=words) as caught:
        load_bundle(path, **choice)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_one_byte_changed(copied: Path, name: str, place: float):
    data = bytearray((copied / name).read_bytes())
    data[int(place * len(data))] ^= 1
    (copied / name).write_bytes(data)
    refused(copied, f"{name}: (changed since it was frozen|not valid JSON)")


@pytest.mark.parametrize("name", FILES)
def test_missing_file(copied: Path, name: str):
    (copied / name).unlink()
    refused(copied, "no bundle.json" if name == "bundle.json" else f"{name}: missing")


def test_extra_file(copied: Path):
    (copied / "weights.pkl").write_bytes(b"x")
    refused(copied, "weights.pkl: not part of this bundle")


def test_edited_and_resealed_card_must_still_name_plain_files(copied: Path):
    content = json.loads((copied / "bundle.json").read_text(encoding="utf-8"))
    content["files"]["../outside"] = "0" * 64
    write_json(copied / "bundle.json", content | {"digest": content_digest(content)})
    refused(copied, "not a plain file name")


def test_newer_format(copied: Path):
    content = json.loads((copied / "bundle.json").read_text(encoding="utf-8"))
    write_json(copied / "bundle.json", content | {"format": 99})
    refused(copied, r"format 99 is newer than this Cutis reads \(2\). Upgrade Cutis")


def test_not_a_bundle(tmp_path: Path):
    refused(tmp_path, "not a bundle")
    (tmp_path / "bundle.json").write_text("[]\n")
    refused(tmp_path, "not a bundle's card")


def test_unknown_choices(frozen: Path):
    refused(frozen, 'did you mean "openvino"', runtime="openvinno")
    refused(frozen, 'precision "fp16"', precision="fp16")
    refused(frozen, "not certified for bf16", precision="bf16")
    with pytest.raises(CutisError, match="threads 0"):
        load_bundle(frozen, threads=0)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_load_and_predict_without_torch_or_network(frozen: Path, dataset: object, tmp_path: Path, runtime: str):
    """In a fresh interpreter where torch and pickle loading can't happen, and no process is started behind our back."""
    pytest.importorskip(runtime)
    code = """
import os, sys
sys.modules["torch"] = None
def forbidden(*a, **k): raise RuntimeError("a process was started")
os.fork = forbidden
import multiprocessing.popen_fork
multiprocessing.popen_fork.Popen._launch = forbidden
import pickle
pickle.load = pickle.loads = forbidden
import cutis
table = cutis.load_bundle(sys.argv[1], runtime=sys.argv[3]).predict(sys.argv[2]).table
assert table["status"].is_in(["ok", "refused"]).all()
assert not any(m.startswith("openvino_telemetry") for m in sys.modules)
print(len(table))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, frozen, dataset.path, runtime],  # type: ignore[attr-defined]
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 0
    assert run.stderr == ""
