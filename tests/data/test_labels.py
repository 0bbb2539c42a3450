"""Labels keep their characters: two are two classes, unless the vocabulary or the user says that they are one."""

from __future__ import annotations

import io
import json
import re
import tarfile
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cutis
from cutis.data.dataset import Dataset
from cutis.data.labels import class_code, class_info, classes_of, clean_label
from cutis.data.values import ISIC_2018, slug
from cutis.errors import CutisError
from cutis.schema.vocabulary import names

PAIRS = {
    "sign at the end": ("BRAF+", "BRAF-", "braf_plus", "braf_minus"),
    "comparison": ("<1 mm", ">1 mm", "less_1_mm", "greater_1_mm"),
    "at most": ("≤1 mm", "≥1 mm", "at_most_1_mm", "at_least_1_mm"),
    "question": ("melanoma", "melanoma?", "melanoma", "melanoma_question"),
    "star": ("atypia", "atypia*", "atypia", "atypia_star"),
    "doubled": ("HER2 2+", "HER2 2++", "her2_2_plus", "her2_2_plus_plus"),
    "negated": ("tumour", "!tumour", "tumour", "exclamation_tumour"),
    "signs alone": ("+", "-", "plus", "minus"),
    "minus sign": ("ER-/PR+", "ER+/PR\N{MINUS SIGN}", "er_minus_pr_plus", "er_plus_pr_minus"),
    "leading": ("-ve", "+ve", "minus_ve", "plus_ve"),
    "percent": ("50%", "50", "50_percent", "50"),
    "accent": ("nävus", "navus", "nävus", "navus"),
    "ligature": ("nævus", "naevus", "nævus", "naevus"),
    "sharp s": ("weiß", "weis", "weiss", "weis"),
    "power": ("m²", "m2", "m²", "m2"),
    "Greek": ("α", "β", "α", "β"),
    "Chinese": ("痣", "黑色素瘤", "痣", "黑色素瘤"),
    "Hindi": ("मेलेनोमा", "मेलनोमा", "मेलेनोमा", "मेलनोमा"),
    "emoji": ("😀", "😢", "u1f600", "u1f622"),
    "points": ("...", "..", "u2e_u2e_u2e", "u2e_u2e"),
    "numbers": ("0", "1", "0", "1"),
    "decimals": ("0.5", "05", "0_5", "05"),
    "truths": ("True", "False", "true", "false"),
    "none": ("none", "melanoma", "none", "melanoma"),
}  # fmt: skip
SAME = {
    "case": ("grade II", "grade ii"),
    "blanks": ("grade II", "grade  II"),
    "underscore": ("grade II", "grade_II"),
    "hyphen": ("grade-II", "grade II"),
    "brackets": ("grade (II)", "grade II"),
    "invisible": ("grade II", "grade\N{ZERO WIDTH SPACE} II"),
    "sharp s": ("weiß", "weiss"),
    "word and sign": ("BRAF+", "BRAF plus"),
    "a known code": ("nv", "n\N{ZERO WIDTH SPACE}v"),
    "a known code in brackets": ("(nv)", "nv"),
}

Make = Callable[[Path, Sequence[str], bytes], Path]


def as_csv(folder: Path, labels: Sequence[str], image: bytes) -> Path:
    for k in range(len(labels)):
        (folder / f"i{k}.png").write_bytes(image)
    pl.DataFrame({"image_id": [f"i{k}" for k in range(len(labels))], "label": labels}).write_csv(folder / "t.csv")
    return folder / "t.csv"


def as_folders(folder: Path, labels: Sequence[str], image: bytes) -> Path:
    for k, label in enumerate(labels):
        if not label or "/" in label or label.startswith("."):
            pytest.skip("no folder can be called so")
        (folder / label).mkdir(exist_ok=True)
        (folder / label / f"i{k}.png").write_bytes(image)
    return folder


def as_coco(folder: Path, labels: Sequence[str], image: bytes) -> Path:
    for k in range(len(labels)):
        (folder / f"i{k}.png").write_bytes(image)
    content = {
        "images": [{"id": k, "file_name": f"i{k}.png"} for k in range(len(labels))],
        "categories": [{"id": k, "name": label} for k, label in enumerate(labels)],
        "annotations": [{"image_id": k, "category_id": k} for k in range(len(labels))],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return folder


def as_shards(folder: Path, labels: Sequence[str], image: bytes) -> Path:
    with tarfile.open(folder / "a.tar", "w") as tar:
        for k, label in enumerate(labels):
            for name, data in ((f"i{k}.png", image), (f"i{k}.cls", label.encode())):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return folder


@pytest.fixture(scope="module")
def image(picture, encoded) -> bytes:
    return encoded(picture(20, 16), "PNG")


@pytest.fixture
def imported(tmp_path: Path, image: bytes) -> Callable[..., Dataset]:
    def make(how: Make, labels: Sequence[str], **options: object) -> Dataset:
        (tmp_path / "src").mkdir()
        return cutis.import_dataset(how(tmp_path / "src", labels, image), tmp_path / "data", **options)

    return make


@pytest.mark.parametrize("pair", PAIRS)
def test_codes_stay_apart_and_name_columns_and_files(pair: str) -> None:
    one, other, code, another = PAIRS[pair]
    assert (class_info(one).code, class_info(other).code) == (code, another)
    classes, notes = classes_of({one: 1, other: 1}, "here")
    assert [classes[one].code, classes[other].code] == [code, another]
    assert notes == []
    assert class_code(code) == code


@pytest.mark.parametrize("how", [as_csv, as_folders, as_coco, as_shards])
@pytest.mark.parametrize("pair", ["sign at the end", "question", "accent", "signs alone", "none"])
def test_every_reader_keeps_two_labels_two(how: Make, pair: str, imported) -> None:
    one, other, code, another = PAIRS[pair]
    data = imported(how, (one, other))
    assert {c.code: c.name for c in data.card.classes} == {code: one, another: other}
    assert data.manifest.sort("image_id")["target"].to_list() == [code, another]
    assert all(c.malignant is None for c in data.card.classes if c.code == "melanoma_question")


@pytest.mark.parametrize("how", [as_csv, as_folders, as_coco, as_shards])
@pytest.mark.parametrize("pair", ["case", "hyphen"])
def test_what_may_be_two_spellings_is_asked(how: Make, pair: str, imported, tmp_path: Path) -> None:
    one, other = SAME[pair]
    with pytest.raises(CutisError, match=r"Are they one class.*--same-labels fold.*--same-labels keep") as asked:
        imported(how, (one, other, other, "third"))
    assert f'"{one}" (1 ' in str(asked.value)
    assert f'"{other}" (' in str(asked.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("pair", SAME)
def test_spellings_are_folded_or_kept_when_asked(pair: str) -> None:
    one, other = SAME[pair]
    with pytest.raises(CutisError, match="differ only in"):
        classes_of({one: 1, other: 2}, "here")
    folded, notes = classes_of({one: 1, other: 2}, "here", "fold")
    assert folded[one] == folded[other] == class_info(other)  # the commonest names it
    assert "are one class" in notes[0]
    kept, notes = classes_of({one: 1, other: 2}, "here", "keep")
    assert [kept[one].name, kept[other].name] == [class_info(one).name, class_info(other).name]
    assert kept[one].code != kept[other].code
    assert "are classes of their own" in notes[0]
    assert kept[one] == classes_of({one: 5, other: 1, "x": 1}, "here", "keep")[0][one]  # in every table the same


def test_folding_and_keeping_through_the_whole_import(imported, tmp_path: Path) -> None:
    data = imported(as_csv, ("grade II", "grade ii", "grade ii", "other"), same_labels="fold")
    assert {c.code: c.name for c in data.card.classes} == {"grade_ii": "grade ii", "other": "other"}
    assert '"grade II" (1 rows) and "grade ii" (2 rows) are one class, grade_ii' in data.card.notes
    kept = cutis.import_dataset(tmp_path / "src" / "t.csv", tmp_path / "kept", same_labels="keep")
    assert sorted(c.name for c in kept.card.classes) == ["grade II", "grade ii", "other"]
    with pytest.raises(CutisError, match='--same-labels "fol": did you mean "fold"'):
        cutis.import_dataset(tmp_path / "src" / "t.csv", tmp_path / "more", same_labels="fol")
    with pytest.raises(CutisError, match="reader ham10000 knows its classes; drop --same-labels"):
        cutis.import_dataset(tmp_path / "src" / "t.csv", tmp_path / "more", "ham10000", same_labels="fold")


def test_spellings_of_a_known_name_are_one_class_and_told(imported) -> None:
    data = imported(as_csv, ("NV", "nv", "nv ", "Melanoma", "melanoma", "Nævus", unicodedata.normalize("NFD", "Nävus")))
    assert [c.code for c in data.card.classes] == ["melanoma", "nv", "nävus", "nævus"]
    assert data.card.classes[1] == ISIC_2018["nv"]
    assert '"NV" (1 rows) and "nv" (2 rows) are one class, nv' in data.card.notes
    assert '"Melanoma" (1 rows) and "melanoma" (1 rows) are one class, melanoma' in data.card.notes
    assert "Nävus" in [c.name for c in data.card.classes]  # of one Unicode form


def test_none_is_a_class_and_what_means_unknown_is_counted(imported) -> None:
    data = imported(as_csv, ("none", "mole", "NA", "nan", "", "unknown", "None"), same_labels="fold")
    assert data.manifest.sort("image_id")["target"].to_list() == ["none", "mole", None, None, None, None, "none"]
    notes = " ".join(data.card.notes)
    assert '"NA" (1 rows) is read as unlabelled' in notes
    assert '"unknown" (1 rows) is read as unlabelled' in notes
    assert re.search(r'"none" \(1 rows\) is a class; leave such cells empty if they mean', notes)


def test_folders_that_are_called_unknown_are_classes_and_told(imported) -> None:
    data = imported(as_folders, ("unknown", "nv"))
    assert [c.code for c in data.card.classes] == ["nv", "unknown"]
    assert 'folder "unknown" is a class' in data.card.notes


def test_columns_of_zero_and_one_are_a_class_where_asked(tmp_path: Path, image: bytes) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(image)
    (tmp_path / "t.csv").write_text("image;BRAF+;BRAF-;wet\na;1;0;1\nb;0;1;0\nc;0,0;0;0\n")
    with pytest.raises(CutisError, match="no column is known to hold its class"):
        cutis.import_dataset(tmp_path / "t.csv", tmp_path / "data")
    with pytest.raises(CutisError, match='has no column "BRAF": did you mean "BRAF'):
        cutis.import_dataset(tmp_path / "t.csv", tmp_path / "data", label="BRAF+,BRAF")
    (tmp_path / "t.csv").write_text("image;BRAF+;BRAF-\na;1;0\nb;0;1\nc;1.0;0.0\n")
    with pytest.raises(CutisError, match=r"Or --label BRAF\+,BRAF- if these columns of 0 and 1 are the classes"):
        cutis.import_dataset(tmp_path / "t.csv", tmp_path / "data")
    data = cutis.import_dataset(tmp_path / "t.csv", tmp_path / "data", label="BRAF+,BRAF-")
    assert data.manifest.sort("image_id")["target"].to_list() == ["braf_plus", "braf_minus", "braf_plus"]
    assert "the class is the column of BRAF+, BRAF- that holds 1" in data.card.notes
    (tmp_path / "t.csv").write_text("image;BRAF+;BRAF-\na;1;1\nb;0;1\nc;0;0\n")
    with pytest.raises(CutisError, match=r"row 1: both BRAF. and BRAF. are 1"):
        cutis.import_dataset(tmp_path / "t.csv", tmp_path / "more", label="BRAF+,BRAF-")


def test_codes_of_the_vocabulary_are_what_they_were() -> None:
    """Only names with a sign changed, as the sign was lost: CD4+."""
    assert {n for n in names("diagnosis") if class_code(n) != slug(n)} == {n for n in names("diagnosis") if "+" in n}


ODD = 'aZ9 _-+<>?*!/\\:."|%é\u0301ßİα痣म\u0947😀\N{ZERO WIDTH SPACE}\N{EM DASH}\N{NO-BREAK SPACE}²½\t\n'


@given(st.text(st.sampled_from(ODD), min_size=1, max_size=8))
def test_a_code_names_a_column_and_a_file_whatever_the_label(label: str) -> None:
    code = class_code(label)
    if not clean_label(label):
        return
    assert code
    assert code == class_code(code)
    assert not re.search(r"[\s/\\:*?\"<>|.+-]", code)
    assert not code.startswith("_")


@given(
    st.lists(
        st.text(st.sampled_from("aA+-?* ()é\u0301."), min_size=1, max_size=5).map(clean_label).filter(bool),
        min_size=2,
        max_size=5,
    )
)
@settings(max_examples=40)
def test_two_labels_are_never_silently_one(labels: list[str]) -> None:
    counts = dict.fromkeys(labels, 1)
    kept, _ = classes_of(counts, "here", "keep")
    assert len({c.code for c in kept.values()}) == len(counts)
    try:
        classes, notes = classes_of(counts, "here")
    except CutisError:
        return
    assert len({c.code for c in classes.values()}) == len(counts)
    assert not notes
