"""Reduced precision: refused until measured, and then with its subgroups."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from cutis.bundle import certify as certifying
from cutis.bundle.certify import certify
from cutis.bundle.load import load_bundle
from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.files import sha256_file


def has_bf16() -> bool:
    from cutis.bundle.runtime import _import_openvino

    return "BF16" in _import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture
def copied(frozen: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(frozen, tmp_path / "copy"))


@pytest.mark.skipif(not has_bf16(), reason="this CPU has no bf16")
def test_bf16_after_its_certificate(copied: Path, dataset: Dataset):
    before = load_bundle(copied)
    certificate = certify(copied, "bf16", dataset, part="all")
    loaded = load_bundle(copied, precision="bf16")
    assert loaded.card.reduced == {"bf16": certificate}
    assert loaded.digest != before.digest
    assert loaded.card.files == before.card.files
    assert certificate["images"] == 150
    assert 0 < certificate["max_delta_p"] < 0.2
    assert certificate["agreement"] >= 0.98
    named = {(g["attribute"], g["group"]) for g in certificate["groups"]}
    assert {("", ""), ("target", "mel"), ("sex", "female"), ("age_band", "<30")} <= named
    fp32, bf16 = before.predict(dataset, part="all").table, loaded.predict(dataset, part="all")
    delta = np.abs(fp32.select("p_mel", "p_nv", "p_df").to_numpy() - bf16.probabilities())
    assert delta.max() == pytest.approx(certificate["max_delta_p"])
    assert bf16.info.limits[-1].startswith("Computed in bf16")
    young = fp32.filter(fp32["age_band"] == "<30")
    row = next(g for g in certificate["groups"] if g["group"] == "<30")
    assert row["n"] == len(young)
    expected = balanced_accuracy_score(young["target"].to_list(), young["predicted"].to_list())
    assert row["balanced_accuracy"]["before"] == pytest.approx(expected)
    sick = young.filter(young["target"] == "mel")
    assert row["sensitivity"]["before"] == pytest.approx((sick["predicted"] == "mel").mean())


@pytest.mark.skipif(not has_bf16(), reason="this CPU has no bf16")
def test_the_command_prints_every_group(copied: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(["certify", str(copied), str(dataset.path), "--part", "all"])
    said = capsys.readouterr().out
    assert stop.value.code == 0, said
    assert "bf16 against fp32 on 150 images" in said
    assert "sex female" in said
    assert " -> " in said
    load_bundle(copied, precision="bf16")


@pytest.mark.skipif(not has_bf16(), reason="this CPU has no bf16")
def test_costly_precision_is_refused(copied: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch):
    digest = sha256_file(copied / "bundle.json")
    monkeypatch.setattr(certifying, "LEAST_AGREEMENT", 1.01)
    with pytest.raises(CutisError, match="keep their top class"):
        certify(copied, "bf16", dataset, part="all")
    assert sha256_file(copied / "bundle.json") == digest


def test_refused_requests(copied: Path, dataset: Dataset):
    with pytest.raises(CutisError, match="can't be certified"):
        certify(copied, "int8", dataset)
    if has_bf16():
        with pytest.raises(CutisError, match="needs 64 or more"):
            certify(copied, "bf16", dataset, part="test")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"agreement": 0.97}, "keep their top class"),
        ({"all": 0.015}, "balanced accuracy falls by 0.015"),
        ({"mel": 0.03}, 'recall of "mel" falls by 0.030'),
        ({"df": 0.03}, None),  # 20 images: one of them is more
    ],
)
def test_what_costs_too_much(after: dict[str, float], words: str | None):
    def row(attribute: str, group: str, n: int, loss: float) -> dict[str, object]:
        value = {"before": 0.8, "after": 0.8 - loss}
        return {"attribute": attribute, "group": group, "n": n, "balanced_accuracy": value, "sensitivity": value}

    certificate = {
        "agreement": after.get("agreement", 0.99),
        "groups": [
            row("", "", 200, after.get("all", 0)),
            row("target", "mel", 50, after.get("mel", 0)),
            row("target", "df", 20, after.get("df", 0)),
        ],
    }
    if words is None:
        certifying._refuse_costly(certificate, "bf16")
    else:
        with pytest.raises(CutisError, match=words):
            certifying._refuse_costly(certificate, "bf16")
