"""The command line, driven as a user drives it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from driving import typed as cutis
from written import naming, places

from cutis.files import read_json
from cutis.phantom.dataset import make_dataset


def test_the_whole_job_by_hand(tmp_path: Path):
    """import, split, train, predict (with a broken file among the images), evaluate, info, doctor."""
    made = make_dataset(tmp_path / "made", 120, size=48, seed=0)
    folder = tmp_path / "Fotos für alle"
    for row in made.manifest.iter_rows(named=True):
        (folder / row["target"]).mkdir(parents=True, exist_ok=True)
        (folder / row["target"] / f"{row['image_id']}.jpg").write_bytes((made.path / row["file"]).read_bytes())
    data = tmp_path / "data"

    done = cutis("import", folder, data)
    assert done.returncode == 0, done.stderr
    assert "120 images" in done.stdout
    done = cutis("split", data, "--test", 0.3, "--val", 0.2)
    assert done.returncode == 0, done.stderr
    assert "shared groups = 0" in done.stdout
    out = tmp_path / "run"
    done = cutis("train", data, "--out", out, "--epochs", 2, "--size", 32, "--batch-size", 32)
    assert done.returncode == 0, done.stderr
    assert "from scratch" in done.stdout
    assert re.search(r"^trained: \d+ steps, 2 epochs, \d+ s, in \S+ \(this .*\)$", done.stdout, re.M)
    said = re.search(r"^validation: balanced accuracy (\S+) of \d+ \w+s; chance is 0\.\d+$", done.stdout, re.M)
    assert said
    assert ("warning: No" in done.stdout) == (
        read_json(out / "bundle" / "bundle.json")["limit_codes"].count("at-chance")
    )
    assert "█" not in done.stderr  # no bar where there is no terminal
    (folder / "broken.jpg").write_bytes(b"")
    preds = tmp_path / "preds.parquet"
    done = cutis("predict", out / "bundle", folder, "--out", preds)
    assert done.returncode == 1  # done, but one image could not be read
    assert "1 unreadable" in done.stdout
    table = pl.read_parquet(preds)
    assert len(table) == 121
    assert table.columns[:6] == ["image_id", "lesion_id", "patient_id", "source", "target", "predicted"]
    assert cutis("predict", out / "bundle", folder, "--out", preds).returncode == 2
    preds.unlink()
    assert cutis("predict", out / "bundle", data, "--out", preds).returncode == 0
    assert "never measured on pictures" in cutis("info", out / "bundle").stdout
    done = cutis("evaluate", preds, "--out", tmp_path / "report", "--resamples", 50, "--card", out / "bundle")
    assert done.returncode == 0, done.stderr
    assert "chance: balanced accuracy is" in done.stdout  # after two passes
    assert ", test part, " in cutis("info", out / "bundle").stdout
    assert (tmp_path / "report" / "index.html").stat().st_size > 5000
    for path, words in (
        (data, "120 (0 unreadable)"),
        (out, "compact_resnet_s"),
        (out / "bundle", "all digests match"),
        (preds, "predictions of"),
        (tmp_path / "report", "report on"),
    ):
        done = cutis("info", path)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    for made in (data, out, tmp_path / "report"):
        assert naming(made, *places(tmp_path)) == []
    done = cutis("doctor", data)
    assert done.returncode == 0, done.stdout
    assert "all there, digests match" in done.stdout
    next((data / "images").iterdir()).write_bytes(b"changed")
    done = cutis("doctor", data)
    assert done.returncode == 1
    assert "changed since import" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["impot"], 'Did you mean "import"'),
        (["import", "nowhere", "data"], "nowhere"),
        (["import", ".", "data", "--column", "target"], "expected NAME=VALUE"),
        (["import", ".", "data", "--as", "ham1000"], 'did you mean "ham10000"'),
        (["split", "nowhere"], "not a Cutis dataset"),
        (["train", "nowhere", "--out", "run"], "not a Cutis dataset"),
        (["train", "nowhere", "--out", "run", "--set", "gamma"], "expected NAME=VALUE"),
        (["train", "nowhere"], "--out"),
        (["predict", "nowhere", ".", "--out", "p.parquet"], "nowhere"),
        (["evaluate", "nowhere.parquet", "--out", "report"], "no such predictions file"),
        (["info", "nowhere"], "no such file or folder"),
        (["info", "."], "not something Cutis made"),
        (["train", "nowhere", "--out", "run", "--minutes", "soon"], "soon"),
        (["split", "nowhere", "--seed", "1.5"], "1.5 is not a whole number"),
        (["import", "", "data"], 'this folder is "."'),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], words: str):
    done = cutis(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("cutis: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_help_and_version_load_nothing_heavy():
    script = (
        "import sys; from cutis.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as e: assert not e.code\n"
        "heavy = {'torch', 'numpy', 'polars', 'timm', 'openvino', 'onnxruntime', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "evaluate" in done.stdout
    assert cutis("--version").stdout.strip() == "0.1.0"
    assert "--minutes" in cutis("train", "--help").stdout


def test_import_cutis_loads_nothing_heavy_and_offers_its_names():
    script = (
        "import sys, cutis\n"
        "heavy = {'torch', 'numpy', 'polars', 'pydantic', 'rich', 'cyclopts'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert all(getattr(cutis, name) for name in cutis.__all__)\n"
        "assert callable(cutis.train) and callable(cutis.evaluate)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow  # the whole job again, on data of its own
def test_demo_makes_its_own_data_and_prints_the_report(tmp_path: Path):
    done = cutis("demo", "--out", tmp_path / "demo", "--images", 150, "--minutes", 0.4)
    assert done.returncode == 0, done.stderr
    report = tmp_path / "demo" / "report" / "index.html"
    assert str(report) in done.stdout
    assert report.is_file()
    assert (
        len([line for line in done.stdout.splitlines() if ("(" in line and ": 0." in line) or "not estimable" in line])
        >= 1
    )
    assert cutis("demo", "--out", tmp_path / "demo").returncode == 2
