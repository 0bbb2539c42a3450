"""Ctrl-C: one line that is true, and nothing half-written."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from cutis.cli import main, on_interrupt
from cutis.data.dataset import Dataset
from cutis.phantom.dataset import make_dataset


def pressed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main([str(a) for a in arguments])
    return stopped.value.code, capsys.readouterr().err  # type: ignore[return-value]


NOTHING = "cutis: interrupted; nothing half-written was left.\n"


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("cutis.data.importing._store", "import PHOTOS OUT --as folder"),
        ("cutis.data.dataset.write_json", "import PHOTOS OUT --as folder --table-only"),
        ("cutis.data.split.deal", "split DATA"),
        ("cutis.data.dataset.write_parquet", "columns DATA TABLE"),
        ("cutis.data.merge.place", "merge DATA OUT"),
        ("cutis.schema.evidence.Evidence.save", "evaluate ANSWERS --out OUT --resamples 40"),
        ("cutis.cli.build_app", "info DATA"),
    ],
)
def test_one_line_and_nothing_left(where, command, tmp_path, class_folders, monkeypatch, capsys):
    data = make_dataset(tmp_path / "data", 8, size=24, seed=0, classes=["mel", "nv"], balance="equal")
    (tmp_path / "t.csv").write_text(f"image_id,x\n{data.manifest['image_id'][0]},1\n")
    answers = data.manifest.select("image_id", "lesion_id", "target", p_mel=pl.lit(0.5), p_nv=pl.lit(0.5))
    answers.write_csv(tmp_path / "answers.csv")
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    monkeypatch.setattr(where, pressed)
    places = {
        "PHOTOS": class_folders, "OUT": tmp_path / "out", "DATA": data.path, "TABLE": tmp_path / "t.csv",
        "ANSWERS": tmp_path / "answers.csv",
    }  # fmt: skip
    assert said(capsys, *(places.get(w, w) for w in command.split())) == (130, NOTHING)
    assert sorted(str(p) for p in tmp_path.rglob("*")) == before
    assert Dataset.load(data.path).manifest.equals(data.manifest)


def test_resume_is_advised_only_where_it_works(tmp_path, monkeypatch, capsys):
    data = make_dataset(tmp_path / "data", 4, size=24, seed=0)
    out = tmp_path / "run"
    monkeypatch.setattr("cutis.train.run.train", pressed)
    assert said(capsys, "train", data.path, "--out", out) == (130, NOTHING)  # nothing was begun
    out.mkdir()
    (out / "config.json").write_text("{}")
    code, words = said(capsys, "train", data.path, "--out", out)
    assert (code, words.count("\n")) == (130, 1)
    assert words.endswith(f"To go on from its start: cutis train {data.path} --out {out} --resume\n")
    (out / "checkpoint.pt").write_bytes(b"")
    assert "from its last checkpoint" in said(capsys, "train", data.path, "--out", out)[1]


def test_what_is_kept_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cutis.data.download.download", pressed)
    monkeypatch.setattr("cutis.data.download.files_of", lambda *_: [])
    dest = tmp_path / "dest"
    assert said(capsys, "download", "ham10000", dest) == (130, NOTHING)
    dest.mkdir()
    (dest / "x.zip.partial").write_bytes(b"x")
    assert "what has arrived is kept" in said(capsys, "download", "ham10000", dest)[1]

    monkeypatch.setattr("cutis.audit.run.audit", pressed)
    assert said(capsys, "audit", "bundle", "data", "--out", tmp_path / "dossier") == (130, NOTHING)
    steps = tmp_path / ".cutis-dossier.audit"
    steps.mkdir()
    (steps / "identity.json").write_text("{}")
    assert said(capsys, "audit", "bundle", "data", "--out", tmp_path / "dossier") == (130, NOTHING)
    (steps / "clean.json").write_text("{}")
    assert (
        "the parts that were done are kept" in said(capsys, "audit", "bundle", "data", "--out", tmp_path / "dossier")[1]
    )


def test_the_innermost_words_stand():
    with pytest.raises(KeyboardInterrupt, match="inner"), on_interrupt(lambda: "outer"), on_interrupt(lambda: "inner"):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt, match=r"^$"), on_interrupt(lambda: ""):
        raise KeyboardInterrupt


@pytest.mark.long
@pytest.mark.parametrize("command", ["import PHOTOS OUT", "split DATA --overwrite", "columns DATA TABLE"])
def test_pressed_at_any_moment(command, tmp_path, class_folders):
    """After the interpreter itself has started, which takes the first tenth of a second."""
    data = make_dataset(tmp_path / "data", 60, size=32, seed=0, classes=["mel", "nv"], balance="equal")
    (tmp_path / "t.csv").write_text(f"image_id,x\n{data.manifest['image_id'][0]},1\n")
    places = {"PHOTOS": class_folders, "OUT": tmp_path / "out", "DATA": data.path, "TABLE": tmp_path / "t.csv"}
    words = [str(places.get(w, w)) for w in command.split()]
    script = "import sys; from cutis.cli import main; print('in', flush=True); main()"
    for k in range(40):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.03 * k)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) in ((130, NOTHING), (0, ""), (2, err))
        assert "Traceback" not in err
        assert list(tmp_path.rglob(".cutis*")) == []
        Dataset.load(data.path)


@pytest.mark.long
def test_killed_imports_leave_nothing_after_the_next(tmp_path, class_folders):
    out = tmp_path / "out"
    for k in range(10):
        process = subprocess.Popen([sys.executable, "-m", "cutis", "import", str(class_folders), str(out)])
        for _ in range(2000):
            if list(tmp_path.glob(".cutis-out-*")) or process.poll() is not None:
                break
            time.sleep(0.005)
        time.sleep(0.002 * k)
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(out, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "cutis", "import", str(class_folders), str(out)], check=True)
    assert list(tmp_path.glob(".cutis*")) == []
    assert len(Dataset.load(Path(out)).manifest) == 16
