"""What was measured is kept beside a bundle: its digest stays, its card and whoever opens it know."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cutis.bundle import certify
from cutis.bundle.fit import Choice
from cutis.bundle.load import load_bundle, read_card
from cutis.bundle.measured import MEASURED, own_digest
from cutis.bundle.predict import Bundle
from cutis.bundle.recalibrate import recalibrate
from cutis.bundle.record import record
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate.measure import measure
from cutis.files import write_json
from cutis.schema.evidence import Evidence
from cutis.schema.performance import NEVER


@pytest.fixture(scope="module")
def evidence(bundle: Bundle, dataset: Dataset) -> Evidence:
    return measure(bundle.predict(dataset, part="test", progress=False), resamples=40)


@pytest.fixture
def copied(frozen: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(frozen, tmp_path / "copy"))


def of(evidence: Evidence, **info: Any) -> Evidence:
    return evidence.model_copy(update={"info": evidence.info.model_copy(update=info)})


def test_a_fresh_bundle_says_that_it_was_never_measured(frozen: Path) -> None:
    assert load_bundle(frozen).measured == ()
    assert NEVER in (frozen / "card.md").read_text(encoding="utf-8")


def test_what_was_measured_is_kept_and_the_digest_stays(copied: Path, evidence: Evidence) -> None:
    before = load_bundle(copied)
    made = record(copied, evidence)
    after = load_bundle(copied)
    assert after.digest == before.digest
    assert after.measured == (made,)
    found = made.find("balanced_accuracy")
    assert found is not None
    assert found.value == evidence.find("balanced_accuracy").value  # type: ignore[union-attr]
    assert made.find("coverage") is not None
    assert (made.dataset, made.part, made.own, made.target) == ("tiny", "test", True, 0.9)
    page = (copied / "card.md").read_text(encoding="utf-8")
    assert NEVER not in page
    assert "### tiny, test part" in page
    assert f"{100 * (found.value or 0):.1f}" in page
    for remark in evidence.remarks:
        assert remark.words in page
    assert made.remarks == tuple(evidence.remarks)
    assert any(r.about == "balanced_accuracy" for r in made.remarks)  # an untrained network
    names = {p.name for p in copied.iterdir()}
    assert names == {p.name for p in before.path.iterdir()}
    assert MEASURED in names


def test_later_predictions_and_their_readers_are_told(copied: Path, evidence: Evidence, dataset: Dataset) -> None:
    never = load_bundle(copied).predict(dataset, part="test", progress=False).info
    assert (never.measured, never.calibrated_on, never.precision) == ((NEVER,), "tiny", "fp32")
    record(copied, evidence)
    told = load_bundle(copied).predict(dataset, part="test", progress=False).info
    assert told.measured[0].startswith("Measured on tiny, test part, ")


def test_the_same_again_is_replaced_and_other_data_is_added(copied: Path, evidence: Evidence) -> None:
    record(copied, of(evidence, dataset="elsewhere", dataset_digest="e" * 64, part="all", split={}))
    record(copied, evidence)
    later = evidence.model_copy(update={"created": "2099-01-01T00:00:00+00:00"})
    record(copied, later)
    record(copied, of(evidence, precision="bf16"))
    found = load_bundle(copied).measured
    assert [(p.dataset, p.own, p.precision, p.measured[:4]) for p in found] == [
        ("tiny", True, "bf16", evidence.created[:4]),
        ("tiny", True, "fp32", "2099"),
        ("elsewhere", False, "fp32", evidence.created[:4]),
    ]
    page = (copied / "card.md").read_text(encoding="utf-8")
    assert "another dataset; shared patients aren't known" in page
    assert "computed in bf16" in page


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"bundle": "0" * 64}, "of another bundle"),
        ({"bundle": ""}, "of another system"),
        ({"dataset_digest": ""}, "name no dataset"),
        ({"part": "train"}, "of the train part of tiny, which the bundle learned from"),
        ({"part": "val"}, "of the val part of tiny"),
        ({"part": "all", "split": {}}, "of all of tiny"),
        ({"split": {"digest": "0" * 64}}, "of the test part of tiny"),
    ],
)
def test_what_says_nothing_of_this_bundle_is_not_kept(
    copied: Path, evidence: Evidence, info: dict[str, Any], words: str
) -> None:
    before = {p.name: p.read_bytes() for p in copied.iterdir()}
    with pytest.raises(CutisError, match=words) as caught:
        record(copied, of(evidence, **info))
    assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in copied.iterdir()} == before


@pytest.mark.parametrize("change", ["byte", "number", "other bundle", "format", "not json", "list"])
def test_a_changed_file_is_refused_and_measuring_again_mends_it(copied: Path, evidence: Evidence, change: str) -> None:
    record(copied, evidence)
    file = copied / MEASURED
    content = json.loads(file.read_text(encoding="utf-8"))
    if change == "byte":
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif change == "number":
        content["measured"][0]["numbers"][0]["value"] = 0.99
        write_json(file, content)
    elif change == "other bundle":
        content["answers"] = "0" * 64
        write_json(file, content | {"digest": own_digest(content)})
    elif change == "format":
        write_json(file, content | {"format": 99})
    else:
        file.write_text("{" if change == "not json" else "[]")
    with pytest.raises(CutisError, match=MEASURED) as caught:
        load_bundle(copied)
    assert "\n" not in str(caught.value)
    record(copied, evidence)
    assert len(load_bundle(copied).measured) == 1


def test_a_card_page_that_nobody_wrote_is_refused(copied: Path, evidence: Evidence) -> None:
    record(copied, evidence)
    page = copied / "card.md"
    page.write_text(page.read_text(encoding="utf-8").replace("tiny", "huge"), encoding="utf-8")
    with pytest.raises(CutisError, match=r"card\.md: changed since it was frozen"):
        load_bundle(copied)
    (copied / MEASURED).unlink()
    with pytest.raises(CutisError, match=r"card\.md: changed"):
        load_bundle(copied)


def test_a_kill_between_the_two_files_leaves_a_bundle_that_opens(
    copied: Path, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cutis.bundle.record.atomic_file", killed)
    with pytest.raises(KeyboardInterrupt):
        record(copied, evidence)
    monkeypatch.undo()
    assert len(load_bundle(copied).measured) == 1  # card.md is the one that was frozen
    record(copied, evidence)
    assert "### tiny, test part" in (copied / "card.md").read_text(encoding="utf-8")
    monkeypatch.setattr("cutis.bundle.record.atomic_file", killed)
    with pytest.raises(KeyboardInterrupt):
        record(copied, of(evidence, dataset="elsewhere", dataset_digest="e" * 64))
    assert len(load_bundle(copied).measured) == 2  # and here the one before


def test_writers_at_once_lose_nothing(copied: Path, evidence: Evidence) -> None:
    from concurrent.futures import ThreadPoolExecutor

    each = [of(evidence, dataset=f"d{i}", dataset_digest=f"{i}" * 64) for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda e: record(copied, e), each))
    assert [p.dataset for p in load_bundle(copied).measured] == [f"d{i}" for i in range(6)]


def test_a_certificate_leaves_it_and_a_new_calibration_does_not(
    copied: Path, evidence: Evidence, dataset: Dataset, tmp_path: Path
) -> None:
    """The card's digest changes with a certificate; the answers in fp32 don't. Other sets are other answers."""
    record(copied, evidence)
    card = read_card(copied)
    certify.write_card(card.model_copy(update={"reduced": {"bf16": {}}}), copied)
    after = load_bundle(copied)
    assert after.digest != card.digest
    assert len(after.measured) == 1
    again = recalibrate(copied, dataset, tmp_path / "again", Choice(coverage=0.8))
    assert load_bundle(again).measured == ()
    assert NEVER in (again / "card.md").read_text(encoding="utf-8")
    assert read_card(again).calibrated_on == "tiny"


def test_the_command_warns_and_renews_the_card(
    copied: Path, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from driving import in_process

    preds, report = tmp_path / "preds.parquet", tmp_path / "report"
    code, said, _ = in_process(capsys, "predict", copied, dataset.path, "--out", preds)
    assert code == 0
    assert f"--card {copied}" in said
    code, said, _ = in_process(capsys, "evaluate", preds, "--out", report, "--resamples", 40)
    assert code == 0
    assert "the bundle's card doesn't show this" in said
    assert load_bundle(copied).measured == ()
    asked = ("evaluate", preds, "--out", report, "--resamples", 40, "--overwrite")
    for more, wrong in (
        (["--card", tmp_path], "not a bundle"),
        (["--card", copied, "--per", "lesion"], "a card shows numbers of images"),
    ):
        before = (report / "evidence.json").read_bytes()
        code, _, told = in_process(capsys, *asked, *more)
        assert code == 2
        assert wrong in told
        assert (report / "evidence.json").read_bytes() == before
    code, said, _ = in_process(capsys, *asked, "--card", copied)
    assert code == 0
    assert "warning: " in said
    assert "chance: balanced accuracy is" in said
    assert f"card: {copied / 'card.md'}" in said
    assert len(load_bundle(copied).measured) == 1
    code, said, _ = in_process(capsys, "info", copied)
    assert "measured: tiny, test part" in said
    assert "fitted on tiny" in said
    code, said, _ = in_process(capsys, "info", report)
    assert "chance: balanced accuracy is" in said


def test_another_bundles_predictions_write_no_report(
    copied: Path, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from driving import in_process

    other = recalibrate(copied, dataset, tmp_path / "other", Choice(coverage=0.8))
    load_bundle(other).predict(dataset, progress=False).save(tmp_path / "preds.parquet")
    code, _, told = in_process(
        capsys,
        "evaluate",
        tmp_path / "preds.parquet",
        "--out",
        tmp_path / "report",
        "--resamples",
        40,
        "--card",
        copied,
    )
    assert code == 2
    assert "of another bundle" in told
    assert not (tmp_path / "report").exists()
