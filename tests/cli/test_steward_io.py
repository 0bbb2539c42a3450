"""merge, export, download and train --use, driven as a user drives them."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from driving import typed

from cutis.phantom.dataset import make_dataset


def cutis(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    home = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return typed(*arguments, cwd=cwd, env=home)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table-only datasets a (CC BY-NC) and b (CC BY), in one folder."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "a.csv").write_text("image_id,diagnosis,lesion_id\nx,nv,1\ny,akiec,2\nz,mel,3\n")
    (folder / "b.csv").write_text("image_id,diagnosis,lesion_id\nx,Nevus,1\nw,Basal cell carcinoma,2\n")
    for name, licence in (("a", "CC-BY-NC-4.0"), ("b", "CC-BY-4.0")):
        done = cutis("import", f"{name}.csv", name, "--table-only", "--licence", licence, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_merge_prints_what_is_lost(two: Path) -> None:
    done = cutis("merge", "a", "b", "both", cwd=two)
    assert done.returncode == 0, done.stderr
    lines = [line.split(None, 3) for line in done.stdout.splitlines()]
    assert ["a", "nv", "1", "nevus"] in lines
    assert ["b", "basal_cell_carcinoma", "1", "basal_cell_carcinoma"] in lines
    assert any(line[:2] == ["a", "akiec"] and line[3].startswith("unknown: one of") for line in lines)
    assert any(line[:2] == ["a", "mel"] and "known only as" in line[3] for line in lines)
    assert "note: akiec was left as either" in done.stdout
    assert "5 images, 2 classes at diagnosis_3; research only: a is CC BY-NC 4.0" in done.stdout
    info = cutis("info", "both", cwd=two)
    assert info.returncode == 0, info.stderr


def test_export_obeys_the_licence(two: Path) -> None:
    done = cutis("export", "a", "out", "--to", "csv", "--use", "commercial", cwd=two)
    assert done.returncode == 2
    assert "not cleared for commercial use: a (3 images, the first x): CC BY-NC 4.0" in done.stderr
    assert not (two / "out").exists()
    done = cutis("export", "b", "out", "--to", "csv", "--use", "commercial", cwd=two)
    assert done.returncode == 0, done.stderr
    assert "2 rows as csv; commercial use allowed" in done.stdout
    assert {p.name for p in (two / "out").iterdir()} == {"metadata.csv", "LICENCE.txt", "ATTRIBUTION.txt"}


def test_download_from_a_mirror(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "HAM10000_metadata.csv").write_text("image_id\n")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "mirror"))

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        done = cutis("download", "ham10000", "ham", "--only", "*.csv", "--from", base, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "HAM10000_metadata.csv: 0.0 MB, no published checksum" in done.stdout
        assert "licence: CC-BY-NC-4.0; HAM10000, ViDIR Group" in done.stdout
        done = cutis("download", "ham10000", "ham", "--only", "*_part_1.zip", "--from", base, cwd=tmp_path)
        assert done.returncode == 2
        assert "not there (404)" in done.stderr
        server.shutdown()
    assert (tmp_path / "ham" / "HAM10000_metadata.csv").read_text() == "image_id\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["merge", "a"], "cutis merge A B DEST"),
        (["merge", "nowhere", "both"], "not a Cutis dataset"),
        (["merge", "nowhere", "both", "--level", "diagnosis_6"], "diagnosis_6"),
        (["export", "nowhere", "out", "--to", "csv"], "not a Cutis dataset"),
        (["export", "nowhere", "out"], "--to"),
        (["download", "ham1000", "x"], 'did you mean "ham10000"'),
        (["download", "ddi", "x"], "cutis import FOLDER DEST --as ddi"),
        (["download", "ham10000", "x", "--from", "ftp://127.0.0.1"], "not an http or https address"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = cutis(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("cutis: ")
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_train_refuses_what_it_may_not_use(tmp_path: Path) -> None:
    made = make_dataset(tmp_path / "made", 40, size=32, seed=0)
    card = made.path / "dataset.json"
    card.write_text(card.read_text().replace('"licence": "CC0-1.0"', '"licence": "CC-BY-NC-SA-4.0"'))
    assert cutis("split", made.path, "--test", 0.3, "--val", 0.2).returncode == 0
    done = cutis("train", made.path, "--out", tmp_path / "run", "--epochs", 1, "--use", "commercial")
    assert done.returncode == 2
    assert "not cleared for commercial use" in done.stderr
    assert "CC BY-NC-SA 4.0" in done.stderr
    assert "licence: share alike" in done.stdout
    assert not (tmp_path / "run").exists()
    done = cutis("train", made.path, "--out", tmp_path / "run", "--epochs", 1, "--use", "profit")
    assert done.returncode == 2
    assert "use = profit" in done.stderr
