"""What was changed under a dataset's, a split's or a prediction's digest is refused; a steward's corrections are taken
over, and told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from driving import in_process

import cutis
from cutis.data.accept import accept_changes
from cutis.data.dataset import Dataset
from cutis.data.split import load_split, split
from cutis.errors import CutisError
from cutis.files import read_json, write_json
from cutis.phantom.dataset import make_dataset
from cutis.report import evaluate
from cutis.schema.content import content_digest
from cutis.schema.predictions import Predictions, PredictionsInfo

MELANOMAS_AND_NAEVI = pl.col("target").replace({"mel": "nv", "nv": "mel"})


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "data"
    split(make_dataset(folder, 24, size=24, seed=0, classes=["mel", "nv"], balance="equal"))
    return folder


@pytest.fixture
def data(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


def change(data: Path, *columns: pl.Expr, rows: int | None = None) -> pl.DataFrame:
    table = pl.read_parquet(data / "manifest.parquet").with_columns(*columns)[:rows]
    table.write_parquet(data / "manifest.parquet")
    return table


def change_card(data: Path, changed: Callable[[dict], None]) -> None:
    card = read_json(data / "dataset.json")
    changed(card)
    write_json(data / "dataset.json", card)


@pytest.mark.parametrize(
    "columns",
    [
        [MELANOMAS_AND_NAEVI],
        [pl.col("target").shift().backward_fill()],
        [pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("target").alias("target")],
        [pl.lit("P1").alias("patient_id"), pl.lit(None, pl.String).alias("lesion_id")],
        [pl.lit(None, pl.String).alias("patient_id")],
        [pl.col("sha256").reverse()],
        [pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("listed")).otherwise("status").alias("status")],
    ],
    ids=["swapped", "shifted", "removed", "one patient", "nobody", "pictures", "status"],
)
def test_a_changed_manifest_is_refused(data, columns):
    change(data, *columns)
    with pytest.raises(CutisError, match=r"manifest\.parquet: labels, ids or image digests are not those") as refused:
        Dataset.load(data)
    assert f"cutis doctor {data} --accept-changes" in str(refused.value)


def test_rows_taken_out_and_a_digest_taken_out(data):
    change(data, rows=20)
    with pytest.raises(CutisError, match="not those that were recorded"):
        Dataset.load(data)
    change_card(data, lambda card: card.pop("digest"))
    with pytest.raises(CutisError, match=r"dataset\.json has no digest"):
        Dataset.load(data)


def test_the_order_of_rows_and_further_columns_are_free(data):
    change(data, pl.lit("x").alias("mine"))
    pl.read_parquet(data / "manifest.parquet").reverse().write_parquet(data / "manifest.parquet")
    assert Dataset.load(data).manifest["mine"].to_list() == ["x"] * 24


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            lambda c: c["classes"][0].update(malignant=not c["classes"][0]["malignant"]),
            "classes are not those recorded",
        ),
        (lambda c: c["classes"].reverse(), "classes are not those recorded"),
        (lambda c: c["classes"][0].update(name="Naevus of Ota"), "classes are not those recorded"),
        (lambda c: c["classes"][0].update(code="melanoma"), r'image "phantom_\d+": target "mel"'),
        (lambda c: c["classes"].append(c["classes"][0]), 'class "mel" is in the card twice'),
        (lambda c: c.update(format="99"), "not a dataset's card"),
    ],
)
def test_changed_classes_are_refused(changed, words, data):
    change_card(data, changed)
    with pytest.raises(CutisError, match=words):
        Dataset.load(data)


def test_a_card_of_an_earlier_version_still_loads(data):
    change_card(data, lambda card: [card.pop(k) for k in ("classes_digest", "same_ids")])
    assert Dataset.load(data).card.classes_digest == ""


@pytest.mark.parametrize(
    "command",
    [
        "info DATA",
        "check DATA --out OUT",
        "lint DATA",
        "split DATA --overwrite",
        "export DATA OUT --to csv",
        "columns DATA TABLE",
        "merge DATA OUT",
        "tone DATA",
        "train DATA --out OUT --epochs 1",
        "corrupt DATA OUT",
        "evaluate-masks MASKS DATA --out OUT",
    ],
)
def test_every_command_refuses(command, data, tmp_path, capsys):
    table = change(data, MELANOMAS_AND_NAEVI)
    table.select("image_id", x=pl.lit(1)).write_csv(tmp_path / "table.csv")
    places = {"DATA": data, "OUT": tmp_path / "out", "TABLE": tmp_path / "table.csv", "MASKS": data / "masks"}
    code, _, err = in_process(capsys, *(places.get(word, word) for word in command.split()))
    assert code == 2
    assert err.count("\n") == 1
    assert "not those that were recorded" in err
    assert not (tmp_path / "out").exists()


def test_predict_refuses(data):
    from cutis.bundle.sources import gather

    change(data, MELANOMAS_AND_NAEVI)
    with pytest.raises(CutisError, match="not those that were recorded"):
        gather(data, "all", None)  # no bundle is looked at before


@pytest.fixture
def no_machine(monkeypatch):
    """doctor without its checks of the machine, which import torch."""
    monkeypatch.setattr("cutis.doctor.check_install", list)


@pytest.mark.usefixtures("no_machine")
def test_doctor_fails_and_takes_over_what_was_meant(data, capsys):
    before = Dataset.load(data).card.digest
    change(data, MELANOMAS_AND_NAEVI)
    code, out, _ = in_process(capsys, "doctor", data)
    assert code == 1
    assert "FAIL  dataset" in out
    code, out, _ = in_process(capsys, "doctor", data, "--accept-changes")
    assert f"changes made by hand were accepted (the content digest {before[:12]} became" in out
    assert code == 1  # the split is of the labels as they were
    assert "FAIL  split" in out
    assert "made for other images or labels" in out
    made = Dataset.load(data)
    assert made.card.digest == content_digest(made.manifest) != before
    assert "accepted" in made.card.notes[-1]
    split(made, overwrite=True)
    code, out, _ = in_process(capsys, "doctor", data, "--no-pixels")
    assert code == 0, out
    assert "digests were not compared" in out
    assert accept_changes(data) == ""


def test_a_replaced_picture_is_found_and_taken_over_clean(data, picture, encoded):
    row = Dataset.load(data).manifest.row(3, named=True)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
    (data / row["file"]).write_bytes(encoded(picture(40, 30), "JPEG", exif=exif))
    Dataset.load(data)  # cheap: no picture is opened
    from cutis.doctor import check_dataset

    assert [f.words for f in check_dataset(data) if f.status == "FAIL"] == [
        f"1 changed since import, first {row['file']}"
    ]
    assert [f.name for f in check_dataset(data, pixels=False) if f.status == "FAIL"] == []
    assert "1 pictures were replaced" in accept_changes(data)
    new = Dataset.load(data).manifest.row(3, named=True)
    assert (new["width"], new["height"]) == (40, 30)
    assert new["sha256"] != row["sha256"]
    assert b"Exif" not in (data / row["file"]).read_bytes()
    assert [f.name for f in check_dataset(data) if f.status == "FAIL"] == ["split"]


def test_what_can_not_be_taken_over(data):
    file = data / Dataset.load(data).manifest["file"][0]
    change(data, pl.lit("melanom").alias("target"))
    with pytest.raises(CutisError, match='target "melanom": did you mean "mel"'):
        accept_changes(data)
    change(data, pl.lit("mel").alias("target"))
    file.write_bytes(b"no picture")
    with pytest.raises(CutisError, match="Put a readable picture there"):
        accept_changes(data)
    file.unlink()
    with pytest.raises(CutisError, match=r"is missing \(image .* Put it back"):
        accept_changes(data)
    with pytest.raises(CutisError, match="not those that were recorded"):
        Dataset.load(data)


@pytest.mark.usefixtures("no_machine")
def test_a_split_changed_by_hand(data, capsys):
    proof = data / "splits" / "default.json"
    rows = proof.with_suffix(".parquet")
    table = pl.read_parquet(rows)
    table.with_columns(part=pl.col("part").shift(1, fill_value="test")).write_parquet(rows)
    with pytest.raises(CutisError, match="not what its proof says"):
        load_split(data)
    code, out, _ = in_process(capsys, "doctor", data)
    assert code == 1
    assert "FAIL  split" in out
    # With the proof's own digest brought up to date it is still looked at again.
    from cutis.data.split_proof import split_digest

    write_json(proof, read_json(proof) | {"digest": split_digest(pl.read_parquet(rows))})
    with pytest.raises(CutisError, match=r"(patient|lesion) .* is in two parts, against its proof"):
        load_split(data)


@pytest.fixture
def predictions(data) -> Path:
    made = Dataset.load(data)
    rows = made.manifest.select("image_id", "lesion_id", "patient_id", "source", "target", predicted="target")
    table = rows.with_columns(
        p_mel=pl.when(target="mel").then(0.8).otherwise(0.2),
        p_nv=pl.when(target="mel").then(0.2).otherwise(0.8),
        set=pl.concat_list("target"),
        ood=pl.lit(0.5),
        status=pl.lit("ok"),
        reason=pl.lit(None, pl.String),
        differential=pl.concat_list(pl.struct(diagnosis="target", weight=pl.lit(1.0))),
        seen=pl.lit(True),
    )
    info = PredictionsInfo(classes=made.card.classes, images=str(made.path), split={"unit": "patient"}, coverage=0.9)
    return Predictions(table, info).save(data.parent / "p.parquet")


def rewritten(file: Path, change: Callable[[pl.DataFrame, dict], tuple[pl.DataFrame, dict]]) -> None:
    info = json.loads(pq.read_schema(file).metadata[b"cutis"])
    table, info = change(pl.read_parquet(file), info)
    pq.write_table(table.to_arrow().replace_schema_metadata({b"cutis": json.dumps(info).encode()}), file)


@pytest.mark.parametrize(
    "change",
    [
        lambda t, i: (t.with_columns(MELANOMAS_AND_NAEVI), i),
        lambda t, i: (t.with_columns(p_mel="p_nv", p_nv="p_mel"), i),
        lambda t, i: (t.with_columns(set=pl.lit(None, pl.List(pl.String))), i),
        lambda t, i: (t[:-1], i),
        lambda t, i: (t, i | {"coverage": 0.95}),
        lambda t, i: (t, i | {"split": {"unit": "lesion"}}),
    ],
)
def test_changed_predictions_are_refused(change, predictions):
    assert Predictions.load(predictions).info.coverage == 0.9
    rewritten(predictions, lambda t, i: (t, i))
    Predictions.load(predictions)
    rewritten(predictions, change)
    with pytest.raises(CutisError, match="not what was saved: cells or metadata were changed"):
        cutis.evaluate(predictions, resamples=40)


def test_predictions_of_an_earlier_version_have_no_digest(predictions):
    rewritten(predictions, lambda t, i: (t, {k: v for k, v in i.items() if k != "digest"}))
    assert len(Predictions.load(predictions).table) == 24


def test_evaluate_looks_at_the_dataset_if_it_is_there(data, predictions):
    assert evaluate(predictions, resamples=40).counts.rows == 24
    change(data, MELANOMAS_AND_NAEVI)
    with pytest.raises(CutisError, match="not those that were recorded"):
        evaluate(predictions, resamples=40)
    shutil.rmtree(data)
    assert evaluate(predictions, resamples=40).counts.rows == 24


def test_the_digest_is_that_of_earlier_versions(data):
    """Worked out row by row, as 0.1 did."""
    from hashlib import sha256

    covered = ("image_id", "lesion_id", "patient_id", "target", "status", "sha256")
    table = change(data, pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise("lesion_id").alias("lesion_id"))
    rows = table.sort("image_id").select(covered).rows()
    text = "\n".join("\t".join("" if v is None else v for v in row) for row in rows)
    assert content_digest(table) == sha256(text.encode()).hexdigest()
    assert content_digest(table.clear()) == sha256(b"").hexdigest()
