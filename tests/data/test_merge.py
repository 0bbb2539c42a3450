"""Merge: ids, three-valued labels, what is lost, and the way back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.data.dataset import Dataset, DatasetCard, content_digest
from cutis.data.importing import import_dataset
from cutis.data.labels import class_info
from cutis.data.merge import losses, merge, unmerge
from cutis.data.one_identity import distinct_ids, one_name_each, own_space, same_images
from cutis.errors import CutisError
from cutis.schema.identity import check_identity, group_ids
from cutis.schema.manifest import conform
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, diagnosis_levels


def listed(folder: Path, name: str, rows: list[dict], licence: str = "CC0-1.0", **card) -> Dataset:
    """A dataset without images; a row's `diagnosis` is a name of the vocabulary."""
    full = []
    for given_row in rows:
        row = {"status": "listed", "file": None, "target": None, **given_row}
        levels = diagnosis_levels(row.pop("diagnosis", None))
        full.append(row | dict(zip(DIAGNOSIS_COLUMNS, levels, strict=True)))
    table = conform(pl.DataFrame(full, infer_schema_length=None), name)
    classes = tuple(class_info(c) for c in table["target"].drop_nulls().unique().sort())
    folder.mkdir()
    return Dataset(folder, DatasetCard(name=name, licence=licence, classes=classes, **card), table).save_into(folder)


def rows_of(data: Dataset, *columns: str) -> dict[str, tuple]:
    return {row[0]: row[1:] for row in data.manifest.select("image_id", *columns).iter_rows()}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Dataset, Dataset]:
    vienna = listed(
        tmp_path / "vienna",
        "vienna",
        [
            {"image_id": "ISIC_0000001", "lesion_id": "HAM_0000001", "target": "nv", "diagnosis": "nv"},
            {"image_id": "ISIC_0000002", "lesion_id": "HAM_0000002", "target": "mel", "diagnosis": "mel"},
            {"image_id": "ISIC_0000003", "lesion_id": "HAM_0000003", "target": "bkl", "diagnosis": "bkl"},
            {"image_id": "ISIC_0000004", "lesion_id": "HAM_0000004", "target": "akiec"},
            {"image_id": "7", "lesion_id": "12", "patient_id": "1", "target": "bcc", "diagnosis": "bcc"},
        ],
        "CC-BY-NC-4.0",
        attribution="Vienna",
    )
    clinic = listed(
        tmp_path / "clinic",
        "clinic",
        [
            {"image_id": "ISIC_0000001_downsampled", "lesion_id": "IL_0000009", "patient_id": "IP_0000001",
             "target": "nevus", "diagnosis": "Nevus"},
            {"image_id": "ISIC_0000002", "target": "melanoma_in_situ", "diagnosis": "Melanoma in situ"},
            {"image_id": "7", "lesion_id": "12", "patient_id": "1", "target": "solar_lentigo",
             "diagnosis": "Solar lentigo"},
            {"image_id": "8", "lesion_id": "IL_0000009", "target": "nevus", "diagnosis": "Nevus"},
            {"image_id": "9", "target": "ulcer"},
        ],
    )  # fmt: skip
    return vienna, clinic


def test_a_merge_by_hand(two: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    made = merge(two, tmp_path / "both", level="diagnosis_3")
    assert made.codes == ["solar_lentigo", "nevus", "basal_cell_carcinoma", "melanoma_in_situ"]  # as in the hierarchy
    found = rows_of(made, "target", "labels", "labels_unknown", "source_target", "source_image_id")
    assert found == {
        "ISIC_0000001": ("nevus", ["nevus"], [], "nv", "ISIC_0000001"),
        # vienna knows "melanoma", the clinic which: together they know which
        "ISIC_0000002": ("melanoma_in_situ", ["melanoma_in_situ"], [], "mel", "ISIC_0000002"),
        "ISIC_0000003": (None, [], ["solar_lentigo"], "bkl", "ISIC_0000003"),
        "ISIC_0000004": (None, [], [], "akiec", "ISIC_0000004"),  # neither of its two nodes is a class here
        "vienna-7": ("basal_cell_carcinoma", ["basal_cell_carcinoma"], [], "bcc", "7"),
        "clinic-7": ("solar_lentigo", ["solar_lentigo"], [], "solar_lentigo", "7"),
        "8": ("nevus", ["nevus"], [], "nevus", "8"),
        "9": (None, [], None, "ulcer", "9"),  # no place in the vocabulary: any class may be present
    }
    ids = rows_of(made, "lesion_id", "patient_id")
    assert ids["ISIC_0000001"] == ("HAM_0000001", "IP_0000001")
    assert ids["8"] == ("HAM_0000001", None)  # the lesion's name changed with its other image's
    assert ids["vienna-7"] == ("vienna:12", "vienna:1")
    assert ids["clinic-7"] == ("clinic:12", "clinic:1")
    words = " | ".join(made.card.notes)
    for said in (
        "2 images of clinic are images of vienna (same bytes or ISIC id): kept once",
        "2 image ids were in use for different images",
        "1 lesion or patient ids were second names",
        "vienna: 2 of 5 images have no diagnosis_3",
        "nevus now holds nevus of clinic, nv of vienna",
        "akiec was left as either",
    ):
        assert said in words
    told = {(r["dataset"], r["class"]): (r["images"], r["becomes"], r["why"]) for r in losses(made).rows(named=True)}
    assert told["vienna", "bkl"] == (
        1,
        None,
        "one of Lichen planus like keratosis | Seborrheic keratosis | Solar lentigo",
    )
    assert told["vienna", "nv"] == (1, "nevus", None)
    assert told["clinic", "ulcer"] == (1, None, "no place in the vocabulary")


@pytest.mark.parametrize(
    ("akiec", "target"), [("unknown", None), ("malignant", "malignant"), ("indeterminate", "indeterminate")]
)
def test_akiec_is_chosen_and_recorded(akiec: str, target: str | None, two, tmp_path: Path) -> None:
    made = merge(two, tmp_path / "both", level="diagnosis_1", akiec=akiec)
    assert rows_of(made, "target")["ISIC_0000004"] == (target,)
    assert Dataset.load(tmp_path / "both").card.merged.akiec == akiec
    if akiec == "unknown":
        assert rows_of(made, "labels_unknown")["ISIC_0000004"] == (["malignant"],)


def test_contradiction_leaves_both_possible(tmp_path: Path) -> None:
    a = listed(tmp_path / "a", "a", [{"image_id": "ISIC_0000001", "target": "nv", "diagnosis": "nv"},
                                     {"image_id": "x", "target": "mel", "diagnosis": "mel"},
                                     {"image_id": "y", "target": "nv", "diagnosis": "nv"},
                                     {"image_id": "z", "target": "bcc", "diagnosis": "bcc"}])  # fmt: skip
    b = listed(tmp_path / "b", "b", [{"image_id": "ISIC_0000001", "target": "mel", "diagnosis": "mel"}])
    made = merge([a, b], tmp_path / "both", level="diagnosis_2")
    either = ["benign_melanocytic_proliferations", "malignant_melanocytic_proliferations_melanoma"]
    assert rows_of(made, "target", "labels", "labels_unknown")["ISIC_0000001"] == (None, [], either)
    assert any("1 images are labelled differently in two datasets" in n for n in made.card.notes)


def test_the_parts_come_back(two: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    made = merge(two, tmp_path / "both", level="diagnosis_2")
    back = unmerge(tmp_path / "both")
    columns = ["image_id", "lesion_id", "patient_id", "target", *DIAGNOSIS_COLUMNS]
    for part in two:
        assert back[part.card.name].select(columns).equals(part.manifest.sort("image_id").select(columns))
        assert content_digest(back[part.card.name]) == part.card.digest
    changed = made.manifest.with_columns(source_target=pl.lit("mel"))
    with pytest.raises(CutisError, match="rows of vienna are not what they were"):
        unmerge(Dataset(made.path, made.card, changed))
    with pytest.raises(CutisError, match="not a merged dataset"):
        unmerge(two[0])


def test_images_are_linked_not_doubled(class_folders: Path, tmp_path: Path) -> None:
    first = import_dataset(class_folders, tmp_path / "first")
    (class_folders / "nevus" / "nev0.jpg").unlink()
    second = import_dataset(class_folders, tmp_path / "second", name="again")
    made = merge([first.path, second.path], tmp_path / "both", level="diagnosis_2")
    assert made.card.counts["ok"] == 16  # by their bytes: the second adds nothing
    assert any("15 images of again are images of photos" in n for n in made.card.notes)
    for row in made.manifest.iter_rows(named=True):
        assert (made.path / row["file"]).samefile(first.path / f"images/{row['source_image_id']}.jpg")
    assert unmerge(made)["again"]["image_id"].to_list() == second.manifest["image_id"].sort().to_list()


def test_an_own_column_of_two_kinds_is_told_apart(tmp_path: Path) -> None:
    rows = [{"image_id": "ISIC_0000001", "target": "nv", "diagnosis": "nv"}]
    a = listed(tmp_path / "a", "a", [{**rows[0], "grew": "yes", "size": 1, "source_target": "naevus"}])
    b = listed(tmp_path / "b", "b", [{**rows[0], "image_id": "y", "grew": 1, "size": 2.5}])
    made = merge([a, b], tmp_path / "both")
    assert {"grew_a", "grew_b", "size", "own_source_target"} <= set(made.manifest.columns)
    assert made.manifest["size"].to_list() == [1.0, 2.5]
    assert made.manifest["source_target"].to_list() == ["nv", "nv"]


def test_several_labels(tmp_path: Path) -> None:
    rows = [
        {"image_id": "a", "target": "nv", "diagnosis": "nv", "labels": ["nv", "mel"]},
        {"image_id": "b", "target": "mel", "diagnosis": "mel", "labels": None},
    ]
    made = merge([listed(tmp_path / "a", "a", rows)], tmp_path / "both", level="diagnosis_1")
    assert rows_of(made, "target", "labels", "labels_unknown", "source_labels") == {
        "a": ("benign", ["benign", "malignant"], [], ["nv", "mel"]),
        "b": ("malignant", ["malignant"], [], None),
    }


def test_the_licence_of_a_merge_names_its_parts(two: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    made = merge(two, tmp_path / "both")
    assert made.licence.parts == {"vienna": "CC-BY-NC-4.0", "clinic": "CC0-1.0"}
    assert made.licence.answer == "research only: vienna is CC BY-NC 4.0"
    assert made.licence.attribution == ("Vienna",)
    made.check_use("research")
    with pytest.raises(CutisError, match=r"vienna \(5 images, the first ISIC_0000001\): CC BY-NC 4\.0"):
        made.check_use("commercial")
    merge([two[1]], tmp_path / "free").check_use("commercial")


def test_rows_speak_for_themselves(tmp_path: Path) -> None:
    """An unstated card counts only where a row has no licence of its own."""
    rows = [{"image_id": c, "target": "nv", "copyright_license": x} for c, x in (("a", "CC0-1.0"), ("b", "CC-BY-4.0"))]
    assert listed(tmp_path / "a", "a", rows, "unknown").licence.commercial is True
    made = listed(tmp_path / "b", "b", [*rows, {"image_id": "c", "target": "nv"}], "unknown")
    assert made.licence.commercial is None
    with pytest.raises(CutisError, match=r"b \(1 images, the first c\): licence not stated"):
        made.check_use("commercial")


@pytest.mark.parametrize(
    ("level", "akiec", "words"),
    [
        ("diagnosis_9", "unknown", 'level "diagnosis_9": did you mean'),
        ("diagnosis_3", "benign", 'akiec "benign"'),
        ("diagnosis_5", "unknown", "no image has a diagnosis_5: diagnosis_1 is known of 6"),
    ],
)
def test_what_cannot_be(level: str, akiec: str, words: str, two, tmp_path: Path) -> None:
    with pytest.raises(CutisError, match=words):
        merge(two, tmp_path / "both", level=level, akiec=akiec)
    assert not (tmp_path / "both").exists()


def test_refusals(two: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="nothing to merge"):
        merge([], tmp_path / "both")
    with pytest.raises(CutisError, match='two datasets are called "vienna"'):
        merge([two[0], two[0]], tmp_path / "both")
    made = merge(two, tmp_path / "both")
    with pytest.raises(CutisError, match="itself a merge"):
        merge([made], tmp_path / "more")
    with pytest.raises(CutisError, match="exists already"):
        merge(two, tmp_path / "both")
    assert not list(tmp_path.glob(".cutis-*"))


ids = st.one_of(st.none(), st.sampled_from(["IL_0000001", "IL_0000002", "1", "2"]))
part = st.lists(
    st.tuples(st.sampled_from([f"ISIC_000000{i}" for i in range(5)] + ["a", "A", "b"]), ids, st.sampled_from("PQ")),
    max_size=6,
    unique_by=lambda row: row[0].casefold(),
)


@given(part, part)
@settings(max_examples=60, deadline=None)
def test_identity_is_kept_and_never_confused(one: list[tuple], other: list[tuple]) -> None:
    """Rows that were one lesion stay one; the table is a valid identity; different images keep different ids."""
    rows = [("one", *r) for r in one] + [("other", *r) for r in other]
    parts = [0] * len(one) + [1] * len(other)
    lesions = own_space("one", [r[1] for r in one]) + own_space("other", [r[1] for r in other])
    # a patient a lesion: the lesion's own, so that the parts are valid
    patients = [None if x is None else f"P of {x}" if r[3] == "P" else None for x, r in zip(lesions, rows, strict=True)]
    groups = same_images(parts, [r[1] for r in rows], [None] * len(rows))
    found_lesions, found_patients, _ = one_name_each(groups, list(lesions), list(patients))
    image_ids, _ = distinct_ids([rows[g[0]][0] for g in groups], [rows[g[0]][1] for g in groups])
    assert len({i.casefold() for i in image_ids}) == len(groups)
    table = pl.DataFrame(
        {
            "image_id": image_ids,
            "lesion_id": pl.Series([found_lesions[g[0]] for g in groups], dtype=pl.String),
            "patient_id": pl.Series([found_patients[g[0]] for g in groups], dtype=pl.String),
        }
    )
    check_identity(table, "merged")
    unit = group_ids(table)
    of_row = {r: int(unit[n]) for n, g in enumerate(groups) for r in g}
    for i in range(len(rows)):
        for j in range(i):
            if lesions[i] is not None and lesions[i] == lesions[j]:
                assert of_row[i] == of_row[j]


def test_bytes_make_one_image_across_datasets_only() -> None:
    assert same_images([0, 0, 1, 1], ["a", "b", "c", "d"], ["x", "x", "x", None]) == [[0, 2], [1], [3]]
    assert same_images([0, 1], ["ISIC_0000001", "ISIC_0000001_downsampled"], ["x", "y"]) == [[0, 1]]
    assert same_images([0, 1], ["a", "a"], [None, None]) == [[0], [1]]


def test_real_tables(shared_data: Path, tmp_path: Path) -> None:
    """HAM10000 and the ISIC 2017 table beside it: nothing lost that isn't said, and both come back."""
    ham = import_dataset(shared_data / "ham10000", tmp_path / "ham", table_only=True)
    other = import_dataset(shared_data / "isic2017" / "metadata.csv", tmp_path / "isic", "csv", name="isic2017",
                           label="diagnosis", table_only=True)  # fmt: skip
    made = merge([ham, other], tmp_path / "both", level="diagnosis_2")
    told = losses(made)
    assert told["images"].sum() == len(made.manifest)
    assert told.filter(pl.col("becomes").is_null())["why"].null_count() == 0
    assert {k: len(v) for k, v in unmerge(made).items()} == {"ham10000": len(ham.manifest), "isic2017": 2141}


def test_isic2019_contains_ham10000(shared_data: Path, tmp_path: Path) -> None:
    """Every image of the one is in the other; together they know which akiec are which."""
    ham = import_dataset(shared_data / "ham10000", tmp_path / "ham", table_only=True)
    table = shared_data / "tables" / "isic2019_train_labels_metadata.csv"
    other = import_dataset(table, tmp_path / "other", "isic2019", table_only=True)
    made = merge([ham, other], tmp_path / "both", level="diagnosis_2")
    assert len(made.manifest) == len(other.manifest)
    assert any(f"{len(ham.manifest):,} images of isic2019 are images of ham10000" in n for n in made.card.notes)
    akiec = made.manifest.filter(source_target="akiec")["target"]
    assert akiec.value_counts(sort=True).rows() == [
        ("malignant_epidermal_proliferations", 169),
        ("indeterminate_epidermal_proliferations", 102),
    ]
    assert {k: len(v) for k, v in unmerge(made).items()} == {"ham10000": 8199, "isic2019": 22920}
