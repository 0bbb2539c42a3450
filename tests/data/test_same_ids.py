"""One person under two spellings: one, or a question, and never on two sides unseen."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from test_lint import dataset, found

from cutis.data.dataset import Dataset
from cutis.data.importing import import_dataset
from cutis.data.lint import leaks, lint
from cutis.data.merge import merge
from cutis.data.split import load_split, split
from cutis.errors import CutisError
from cutis.files import write_json
from cutis.schema.content import content_digest

PEOPLE = 20
Spell = Callable[[int], str]
ONE: dict[str, tuple[Spell, Spell]] = {
    "unicode form": (lambda n: f"Müller {n}", lambda n: f"Mu\u0308ller {n}"),
    "zero width": (lambda n: f"P{n}", lambda n: f"P{n}\u200b"),
    "no-break space": (lambda n: f"P {n}", lambda n: f"P\u00a0 {n} "),
    "spreadsheet": (lambda n: f"{n}", lambda n: f"{n}.0"),
    "full width": (lambda n: f"P{n}", lambda n: f"\uff30{n}"),
}
ASKED: dict[str, tuple[Spell, Spell]] = {
    "case": (lambda n: f"P{n}", lambda n: f"p{n}"),
    "zeros": (lambda n: f"{n}", lambda n: f"{n:04d}"),
    "punctuation": (lambda n: f"A-{n}", lambda n: f"A{n}"),
}


def rows(spell: tuple[Spell, Spell], column: str) -> list[dict[str, object]]:
    """Two images of each person (or lesion), the second under the second spelling."""
    return [
        {"image_id": f"i{k:02}", column: spell[k % 2](k // 2 + 1), "target": "ab"[(k // 2) % 2]}
        for k in range(2 * PEOPLE)
    ]


def imported(folder: Path, spell: tuple[Spell, Spell], column: str, **options) -> Dataset:
    table = folder / "t.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ["image_id", column, "target"])
        out.writeheader()
        out.writerows(rows(spell, column))
    return import_dataset(table, folder / "data", table_only=True, **options)


def made(folder: Path, spell: tuple[Spell, Spell], column: str) -> Dataset:
    return dataset(folder, rows(spell, column))


def apart(data: Dataset, parts: pl.DataFrame) -> int:
    """People (two images each, in order) whose images are in two parts."""
    part = dict(parts.select("image_id", "part").iter_rows())
    return sum(part[f"i{2 * k:02}"] != part[f"i{2 * k + 1:02}"] for k in range(PEOPLE))


@pytest.mark.parametrize("column", ["patient_id", "lesion_id"])
@pytest.mark.parametrize("kind", ONE)
def test_what_nobody_can_see_is_one(kind, column, tmp_path):
    data = imported(tmp_path, ONE[kind], column)
    assert data.manifest[column].n_unique() == PEOPLE
    assert data.card.counts[column.replace("_id", "s")] == PEOPLE
    assert data.card.same_ids == "ask"
    assert not any("spelled" in note for note in data.card.notes)
    own = made(tmp_path / "own", ONE[kind], column)  # by no importer
    done = split(own)
    assert (done.proof.groups, apart(own, done.table), done.proof.doubts) == (PEOPLE, 0, {})
    assert leaks(lint([own])) == 0


@pytest.mark.parametrize("column", ["patient_id", "lesion_id"])
@pytest.mark.parametrize("kind", ASKED)
def test_a_doubt_is_asked_and_kept_together(kind, column, tmp_path):
    unit = column.removesuffix("_id")
    data = imported(tmp_path, ASKED[kind], column)
    assert data.manifest[column].n_unique() == 2 * PEOPLE  # nothing is joined unasked
    assert any(f"20 {unit}s may be spelled in several ways" in note for note in data.card.notes)

    own = made(tmp_path / "own", ASKED[kind], column)
    assert found(lint([own]), "warning") == {f"{unit} by two spellings": PEOPLE}
    done = split(own)
    assert apart(own, done.table) == 0
    assert (done.proof.groups, done.proof.doubts, done.proof.same_ids) == (PEOPLE, {unit: PEOPLE}, "ask")
    assert any("--same-ids keep" in warning for warning in done.proof.warnings)
    assert f"20 {unit}s by spellings that may be one, kept together" in done.proof.summary()
    assert leaks(lint([own])) == 0
    assert found(lint([own]), "warning") == {f"{unit} by two spellings": PEOPLE}


def test_those_who_know_say_so(tmp_path):
    own = made(tmp_path / "own", ASKED["case"], "patient_id")
    different = split(own, same_ids="keep")
    crossing = apart(own, different.table)
    assert crossing > 0
    assert (different.proof.groups, different.proof.same_ids) == (2 * PEOPLE, "keep")
    assert different.proof.leaks == {}
    assert not any("spelled" in warning for warning in different.proof.warnings)
    assert found(lint([own]), "leak") == found(lint([own]), "warning") == {}  # the split has the answer
    assert found(lint([own], same_ids="ask"), "leak") == {"patient in two parts": crossing}
    one = split(own, same_ids="fold", overwrite=True)
    assert (apart(own, one.table), one.proof.same_ids) == (0, "fold")
    assert not any("spelled" in warning for warning in one.proof.warnings)
    with pytest.raises(CutisError, match='--same-ids "fould": did you mean "fold"'):
        split(own, same_ids="fould", overwrite=True)


def test_the_answer_may_be_given_at_import(tmp_path):
    for name in ("fold", "keep"):
        (tmp_path / name).mkdir()
    one = imported(tmp_path / "fold", ASKED["zeros"], "patient_id", same_ids="fold")
    assert sorted(one.manifest["patient_id"].unique()) == sorted(f"{n:04}" for n in range(1, PEOPLE + 1))
    assert any("20 patients" in note and "joined" in note for note in one.card.notes)
    two = imported(tmp_path / "keep", ASKED["zeros"], "patient_id", same_ids="keep")
    assert two.manifest["patient_id"].n_unique() == 2 * PEOPLE
    assert Dataset.load(two.path).card.same_ids == "keep"
    assert found(lint([one, two], same_ids="keep"), "leak") == {}
    assert "patient by two spellings" not in found(lint([two]), "warning")


def test_a_split_that_ties_nothing_counts_them(tmp_path):
    own = made(tmp_path / "own", ASKED["zeros"], "patient_id")
    done = split(own, close=["image"])
    crossing = apart(own, done.table)
    assert done.proof.leaks == {"patient": crossing} != {"patient": 0}
    told = [f.message for f in lint([own]) if f.check == "patient in two parts"]
    assert all(", perhaps one, on both sides: " in message for message in told)
    assert found(lint([own]), "leak") == {"patient in two parts": crossing}


def test_the_sources_own_split_is_refused_and_says_why(tmp_path):
    own = dataset(
        tmp_path / "own",
        [r | {"source_split": "train" if n % 2 else "test"} for n, r in enumerate(rows(ASKED["case"], "patient_id"))],
    )
    with pytest.raises(CutisError, match=r'20 groups .* "P1" and "p1"\); if not, say --same-ids keep'):
        split(own, source=True)
    assert split(own, source=True, same_ids="keep").proof.groups == 2 * PEOPLE


def test_sources_are_held_out_whole(tmp_path):
    spelled = ["Rome", "rome", "Turin"]
    table = [{"image_id": f"i{n:02}", "source": spelled[n % 3], "target": "ab"[n // 3 % 2]} for n in range(30)]
    done = split(dataset(tmp_path / "own", table), scheme="leave-one-source-out", val=0)
    assert done.proof.fold_names == ("Rome", "Turin")
    assert any('"Rome" and "rome"' in warning for warning in done.proof.warnings)
    kept = split(Dataset.load(tmp_path / "own"), scheme="leave-one-source-out", val=0, same_ids="keep", overwrite=True)
    assert kept.proof.fold_names == ("Rome", "Turin", "rome")


def test_between_datasets(tmp_path):
    ours = dataset(tmp_path / "a", [{"image_id": "IMG_1", "patient_id": "P7", "lesion_id": "L-1"}], "a")
    theirs = dataset(tmp_path / "b", [{"image_id": "img-01", "patient_id": "p007", "lesion_id": "l1"}], "b")
    seen = lint([ours], [theirs])
    assert found(seen, "leak") == {"same patient id, spelled otherwise": 1, "same lesion id, spelled otherwise": 1}
    assert found(seen, "warning") == {"same photograph id, spelled otherwise": 1}
    assert 'patient "P7" of a and "p007" of b may be one; if not: --same-ids keep' in [f.message for f in seen]
    assert found(lint([ours], [theirs], same_ids="keep")) == {}
    elsewhere = dataset(tmp_path / "c", [{"image_id": "x", "patient_id": "p7", "source": "Turin"}], "c")
    here = dataset(tmp_path / "d", [{"image_id": "y", "patient_id": "P7", "source": "Rome"}], "d")
    assert found(lint([here], [elsewhere]), "warning") == {"same patient id, spelled otherwise": 1}
    invisible = dataset(tmp_path / "e", [{"image_id": "z", "patient_id": "P7\u200b"}], "e")
    assert found(lint([ours], [invisible]), "leak") == {"same patient id": 1}


def test_image_ids_are_tied_and_never_joined(tmp_path):
    table = [{"image_id": f"{'IMG_' if n % 2 else 'img-'}{n // 2:02}", "target": "ab"[n // 2 % 2]} for n in range(40)]
    own = dataset(tmp_path / "own", table)
    done = split(own)
    assert done.proof.doubts == {"image": 20}
    assert done.proof.groups == 20
    assert sorted(done.table["image_id"]) == sorted(own.manifest["image_id"])
    assert found(lint([own]), "warning") == {"image by two spellings": 20}


def test_two_spellings_of_one_image_are_refused_with_both_rows(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("image_id,target\n\u00e1,x\nb,y\na\u0301,x\n", encoding="utf-8")
    with pytest.raises(CutisError, match=r'image_id "\\xe1" \(row 1\), "a\\u0301" \(row 3\) are one id'):
        import_dataset(table, tmp_path / "data", table_only=True)


def test_a_file_is_named_by_the_canonical_id(tmp_path, picture, encoded):
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "i1.png").write_bytes(encoded(picture(), "PNG"))
    (tmp_path / "pics" / "t.csv").write_text("image_id,file,target\ni1\u200b,i1.png,x\n", encoding="utf-8")
    columns = {"file": "file"}
    data = import_dataset(tmp_path / "pics" / "t.csv", tmp_path / "data", columns=columns)
    assert data.manifest.select("image_id", "file").row(0) == ("i1", "images/i1.png")
    assert (data.path / "images" / "i1.png").is_file()


def stored_by_an_earlier_version(own: Dataset, column: str, cells: list[str]) -> None:
    """The manifest with these cells as they are, and the digest of that."""
    table = own.manifest.with_columns(pl.Series(column, cells))
    table.write_parquet(own.path / "manifest.parquet")
    card = own.card.model_copy(update={"digest": content_digest(table)})
    write_json(own.path / "dataset.json", card.model_dump(mode="json"))


def test_a_dataset_of_an_earlier_version(tmp_path):
    plain = made(tmp_path / "own", (lambda n: f"P{n}", lambda n: f"Q{n}"), "patient_id")
    stored_by_an_earlier_version(
        plain, "patient_id", [str(r["patient_id"]) for r in rows(ONE["spreadsheet"], "patient_id")]
    )
    old = Dataset.load(plain.path)
    assert old.manifest["patient_id"].n_unique() == PEOPLE
    split(Dataset(old.path, old.card, plain.manifest))  # as it split: every spelling on its own
    with pytest.raises(CutisError, match=r'patient "\d+" is in two parts, against its proof. Split again'):
        load_split(old)
    assert [f.severity for f in lint([old]) if f.check == "split"] == ["error"]
    assert apart(old, split(old, overwrite=True).table) == 0


def test_a_merge_asks_and_knows_the_fields_own_ids(tmp_path):
    def part(name: str, image_id: str, lesions: tuple[str, str]) -> Dataset:
        table = [
            {"image_id": f"{image_id}{n}", "lesion_id": lesion, "diagnosis_1": "Benign", "target": "a"}
            for n, lesion in enumerate(lesions)
        ]
        made = dataset(tmp_path / name, table, name)
        unseen = made.manifest.with_columns(status=pl.lit("listed"), file=pl.lit(None))
        return Dataset(made.path, made.card, unseen).save_into(made.path)

    one, two = part("one", "x", ("HAM_0000001", "7")), part("two", "y", ("ham_0000001", "007"))
    joined = merge([one, two], tmp_path / "m", level="diagnosis_1")
    assert joined.manifest["lesion_id"].to_list() == ["HAM_0000001", "one:7", "HAM_0000001", "two:007"]
    three = part("three", "z", ("7", "007"))
    asked = merge([one, three], tmp_path / "asked", level="diagnosis_1")
    assert any("one lesion may be spelled" in n and '"three:007" and "three:7"' in n for n in asked.card.notes)
    folded = merge([one, three], tmp_path / "folded", level="diagnosis_1", same_ids="fold")
    assert folded.manifest["lesion_id"].to_list()[2:] == ["three:007", "three:007"]
    assert folded.manifest["source_lesion_id"].to_list()[2:] == ["7", "007"]
    assert folded.card.same_ids == "fold"


def test_dicom_asks_while_the_numbers_are_at_hand(tmp_path, picture, monkeypatch):
    pytest.importorskip("pydicom", reason="the dicom extra is not installed")
    from dicom_world import save, tags_of

    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", "k" * 32)
    for n, patient in enumerate(("4711", "0004711", "4711 ", "4711.0", "12")):
        save(tags_of(picture(seed=n), number=n + 1, PatientID=patient), tmp_path / "src" / f"{n}.dcm")
    data = import_dataset(tmp_path / "src", tmp_path / "data", table_only=True)
    people = data.manifest["patient_id"].to_list()
    assert len(set(people)) == 3  # blanks and a spreadsheet's ".0" are nobody else's
    (note,) = [note for note in data.card.notes if "several pseudonyms" in note]
    assert people[1] in note
    assert people[0] in note
    assert "4711" not in note
