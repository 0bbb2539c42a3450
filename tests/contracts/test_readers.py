"""Every reader of a release, held to one contract on a generated miniature in that release's own layout.

A miniature (tests/miniatures/<reader>.py) has `make(folder, rng)`, EXPECTED (images, lesions, patients, classes), and
says where its table can be spoilt: TABLE (the main table's path), LABEL (a column of coded values), ID (the column that
names the image or case); each None where there is none.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import cutis
from cutis.data import importing
from cutis.data.readers import READERS, releases
from cutis.errors import CutisError
from cutis.files import sha256_file

ROOT = Path(__file__).resolve().parents[1] / "miniatures"
NAMES = [name for name in READERS if (ROOT / f"{name}.py").is_file()]
AGES = {"age", "age_approx"}


@dataclass
class Mini:
    """A reader's name, a fresh copy of its miniature, and its module."""

    name: str
    folder: Path
    about: ModuleType

    def read(self, dest: Path, **options: object) -> cutis.Dataset:
        return cutis.import_dataset(self.folder, dest, reader=self.name, **options)  # type: ignore[arg-type]

    @property
    def table(self) -> Path:
        if self.about.TABLE is None:
            pytest.skip(f"{self.name} has no table")
        return self.folder / self.about.TABLE

    def column(self, name: str) -> str:
        column = getattr(self.about, name)
        if column is None:
            pytest.skip(f"{self.name} has no {name}")
        if column not in self.table.read_text(encoding="utf-8").splitlines()[0]:
            pytest.skip(f"{self.name}: its table comes without a header line")
        return str(column)

    def spoil(self, change: Callable[[list[list[str]], list[str]], None]) -> None:
        """Apply `change(lines of cells, names of the columns)` to the table; the first line is the header."""
        text = self.table.read_text(encoding="utf-8")
        separator = max(",;\t|", key=text.splitlines()[0].count)
        lines = list(csv.reader(io.StringIO(text), delimiter=separator))
        change(lines, [c.strip() for c in lines[0]])
        out = io.StringIO()
        csv.writer(out, delimiter=separator, lineterminator="\n").writerows(lines)
        self.table.write_text(out.getvalue(), encoding="utf-8")

    def refused(self, dest: Path, **options: object) -> str:
        """The one line in which it is refused; nothing may be left."""
        with pytest.raises(CutisError) as error:
            self.read(dest, **options)
        assert not dest.exists()
        assert not [p for p in dest.parent.iterdir() if p.name.startswith(".cutis-")]
        words = str(error.value)
        assert "\n" not in words
        return words


@pytest.fixture(scope="module", autouse=True)
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTIS_PSEUDONYM_KEY", "a key for tests only")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, miniature: Callable[[str], ModuleType]) -> Callable[[str], Path]:
    root, found = tmp_path_factory.mktemp("miniatures"), {}

    def make(name: str) -> Path:
        if name not in found:
            found[name] = root / name
            miniature(name).make(found[name], np.random.default_rng(7))
        return found[name]

    return make


@pytest.fixture(params=NAMES)
def mini(
    request: pytest.FixtureRequest, made: Callable[[str], Path], miniature: Callable[[str], ModuleType], tmp_path: Path
) -> Mini:
    name = request.param
    about = miniature(name)
    shutil.copytree(made(name), tmp_path / "src")
    return Mini(name, tmp_path / "src", about)


def test_every_release_has_a_miniature() -> None:
    assert set(releases()) <= set(NAMES)


def test_what_it_expects(mini: Mini, tmp_path: Path) -> None:
    data = mini.read(tmp_path / "data")
    expected = mini.about.EXPECTED
    assert {k: data.card.counts[k] for k in ("images", "lesions", "patients")} == {
        k: expected[k] for k in ("images", "lesions", "patients")
    }
    assert sorted(data.codes) == sorted(expected["classes"])
    assert data.card.counts["ok"] == expected["images"]
    assert set(data.manifest["target"].drop_nulls()) == set(expected["classes"])
    card = READERS[mini.name].card
    if card is not None:
        assert data.card.source == card.source
        assert data.card.attribution or data.manifest["attribution"].null_count() == 0
    for file, digest in data.manifest.select("file", "sha256").iter_rows():
        assert sha256_file(data.path / file) == digest


def test_the_same_bytes_twice_and_without_images(mini: Mini, tmp_path: Path) -> None:
    one, two = mini.read(tmp_path / "one"), mini.read(tmp_path / "two")
    assert one.card.digest == two.card.digest
    assert (tmp_path / "one" / "dataset.json").read_bytes() == (tmp_path / "two" / "dataset.json").read_bytes()
    listed = mini.read(tmp_path / "listed", table_only=True)
    assert listed.manifest["image_id"].equals(one.manifest["image_id"])
    assert set(listed.manifest["status"]) == {"listed"}
    assert not (tmp_path / "listed" / "images").exists()


def test_auto_picks_it(mini: Mini) -> None:
    assert importing._choose("auto", mini.folder) == mini.name


def test_cards_say_what_a_reader_must_know() -> None:
    from cutis.schema.licence import LICENCES
    from cutis.schema.vocabulary import diagnosis_levels, is_malignant

    for name, reader in releases().items():
        card, facts = reader.card, reader.facts
        assert card is not None, name
        assert facts is not None, name
        assert card.title, name
        assert card.source, name
        assert card.attribution or card.licence == "unknown", name  # the ISIC Archive: both are said per image
        assert card.modality, name
        assert card.licence in LICENCES, name
        assert facts.images > 0, name
        assert facts.labels, name
        assert facts.address.startswith("https://"), name
        for info in card.classes:
            levels = diagnosis_levels(info.diagnosis)  # raises for a path that isn't in the vocabulary
            if info.diagnosis:
                assert ":".join(v for v in levels if v) == info.diagnosis, (name, info.code)
                assert info.malignant == is_malignant(levels) or info.note, (name, info.code)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_missing_column_is_named(mini: Mini, tmp_path: Path) -> None:
    column = mini.column("ID")

    def drop(lines: list[list[str]], header: list[str]) -> None:
        at = header.index(column)
        for line in lines:
            del line[at : at + 1]

    mini.spoil(drop)
    assert column in mini.refused(tmp_path / "data")


def test_a_renamed_column_is_found_again(mini: Mini, tmp_path: Path) -> None:
    column = mini.column("ID")

    def rename(lines: list[list[str]], header: list[str]) -> None:
        lines[0][header.index(column)] = f"{column}x"

    mini.spoil(rename)
    words = mini.refused(tmp_path / "data")
    assert column in words
    assert f'did you mean "{column}x"' in words


def test_another_column_travels_along(mini: Mini, tmp_path: Path) -> None:
    mini.column("ID")

    def add(lines: list[list[str]], header: list[str]) -> None:
        for number, line in enumerate(lines):
            if len(line) == len(header):
                line.append("my note" if number == 0 else f"n{number}")

    mini.spoil(add)
    data = mini.read(tmp_path / "data")
    assert data.card.counts["images"] == mini.about.EXPECTED["images"]
    assert "n1" in data.manifest["my note"].to_list()


def test_an_age_that_is_none_is_unknown_counted_and_told(mini: Mini, tmp_path: Path) -> None:
    mini.column("ID")
    header = next(csv.reader(io.StringIO(mini.table.read_text(encoding="utf-8").splitlines()[0])))
    if not AGES & set(header):
        pytest.skip(f"{mini.name}: no column of ages in years")
    column = next(c for c in header if c in AGES)
    before = mini.read(tmp_path / "before")

    def forty(lines: list[list[str]], header: list[str]) -> None:
        lines[1][header.index(column)] = "forty"

    mini.spoil(forty)
    data = mini.read(tmp_path / "data")
    assert data.manifest["age_approx"].null_count() >= before.manifest["age_approx"].null_count()
    told = [note for note in data.card.notes if note.startswith("age_approx: ")]
    assert len(told) == 1
    assert "could not be read as years (forty): unknown" in told[0]
    assert not [note for note in before.card.notes if note.startswith("age_approx: ")]


def test_an_unknown_code_is_named_with_its_row(mini: Mini, tmp_path: Path) -> None:
    column = mini.column("LABEL")

    def misspell(lines: list[list[str]], header: list[str]) -> None:
        at = header.index(column)
        lines[1][at] = f"{lines[1][at].strip()}q"

    mini.spoil(misspell)
    words = mini.refused(tmp_path / "data")
    assert "row 1" in words
    assert "q" in words.casefold()


def test_an_id_twice_is_named(mini: Mini, tmp_path: Path) -> None:
    column = mini.column("ID")
    ids: list[str] = []

    def repeat(lines: list[list[str]], header: list[str]) -> None:
        ids.extend(line[header.index(column)].strip() for line in lines[1:] if len(line) == len(header))
        if len(set(ids)) < len(ids):
            pytest.skip(f"{mini.name}: several rows tell of one image")
        lines.insert(2, list(lines[1]))

    mini.spoil(repeat)
    words = mini.refused(tmp_path / "data")
    assert Path(ids[0]).stem in words


def test_a_lesion_has_one_patient(mini: Mini, tmp_path: Path) -> None:
    """A table in which it has two is refused; or the release numbers lesions within patients, and the reader knows."""
    mini.column("ID")

    def share(lines: list[list[str]], header: list[str]) -> None:
        if not {"lesion_id", "patient_id"} <= set(header):
            pytest.skip(f"{mini.name} has no lesion_id and patient_id")
        lesion, patient = header.index("lesion_id"), header.index("patient_id")
        lines[1][lesion] = lines[2][lesion] = "L9"
        lines[1][patient], lines[2][patient] = "P8", "P9"

    mini.spoil(share)
    try:
        data = mini.read(tmp_path / "data")
    except CutisError:
        assert "L9" in mini.refused(tmp_path / "data")
        return
    mine = data.manifest.filter(data.manifest["patient_id"].is_in(["P8", "P9"]))
    assert mine["lesion_id"].n_unique() == 2


def test_an_empty_table_is_told(mini: Mini, tmp_path: Path) -> None:
    mini.table.write_bytes(b"")
    assert mini.table.name in mini.refused(tmp_path / "data")


def test_a_wrong_encoding_is_told(mini: Mini, tmp_path: Path) -> None:
    mini.column("ID")
    mini.table.write_bytes(mini.table.read_bytes().rstrip(b"\n") + "вид".encode("cp1251") + b"\n")
    assert "not UTF-8" in mini.refused(tmp_path / "data")


# --- images -----------------------------------------------------------------------------------------------------------


def pictures(mini: Mini) -> list[Path]:
    """The photographs that are plain files and that the manifest counts, the first of each name."""
    data = cutis.import_dataset(mini.folder, mini.folder.parent / "first", reader=mini.name)
    stems = set(data.manifest["image_id"])
    shutil.rmtree(data.path)
    kinds = {".jpg", ".jpeg", ".png", ".bmp", ".dcm"}
    found = [p for p in sorted(mini.folder.rglob("*")) if p.suffix in kinds]
    named = [p for p in found if p.stem in stems]
    photos = named or [p for p in found if "mask" not in str(p).casefold() and "segmentation" not in str(p).casefold()]
    if not photos:
        pytest.skip(f"{mini.name}: its images are no plain files")
    return photos


def test_a_broken_image_is_a_row_with_its_reason(mini: Mini, tmp_path: Path) -> None:
    photo = pictures(mini)[0]
    kept = photo.read_bytes()
    photo.write_bytes(kept[: len(kept) // 2] if photo.suffix == ".dcm" else b"not an image at all")
    data = mini.read(tmp_path / "data")
    bad = data.manifest.filter(status="error")
    assert len(bad) == 1
    assert bad["reason"][0]
    assert bad["file"][0] is None
    assert data.card.counts["images"] == mini.about.EXPECTED["images"]


def test_a_missing_image_is_a_row_with_its_reason(mini: Mini, tmp_path: Path) -> None:
    mini.column("ID")
    pictures(mini)[0].unlink()
    data = mini.read(tmp_path / "data", allow_missing=True)
    bad = data.manifest.filter(status="error")
    assert len(bad) >= 1
    assert "missing" in bad["reason"][0]
    assert data.card.counts["images"] == mini.about.EXPECTED["images"]


def test_a_folder_of_something_else_is_refused(mini: Mini, tmp_path: Path) -> None:
    shutil.rmtree(mini.folder)
    mini.folder.mkdir()
    (mini.folder / "readme.txt").write_text("nothing of the kind")
    mini.refused(tmp_path / "data")


def test_labels_asked_for_by_name_are_refused(mini: Mini, tmp_path: Path) -> None:
    assert "drop --label" in mini.refused(tmp_path / "data", label="x")


# --- once, on a CSV: what holds for every reader, as all read files in one way --------------------------------------


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A CSV that lists images a and b; the images are for the test to bring."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "meta.csv").write_text("image,dx\na,nv\nb,mel\n")
    return tmp_path / "src"


def photo(encoded: Callable[..., bytes], picture: Callable[..., np.ndarray], seed: int) -> bytes:
    return encoded(picture(seed=seed))


def test_a_zip_writes_nothing_outside(listed: Path, tmp_path: Path, encoded, picture) -> None:
    with zipfile.ZipFile(listed / "images.zip", "w") as z:
        z.writestr("a.jpg", photo(encoded, picture, 1))
        z.writestr("../../b.jpg", photo(encoded, picture, 2))
        z.writestr("/b.jpg", photo(encoded, picture, 2))
        z.writestr("..\\b.jpg", photo(encoded, picture, 2))
    before = {p for p in tmp_path.parent.rglob("*") if p.suffix == ".jpg"}
    data = cutis.import_dataset(listed, tmp_path / "data", allow_missing=True)
    assert data.manifest["status"].to_list() == ["ok", "error"]  # the members that point outside don't exist
    made = {p for p in tmp_path.parent.rglob("*") if p.suffix == ".jpg"} - before
    assert made == {tmp_path / "data" / "images" / "a.jpg"}


def test_a_zip_bomb_is_a_row_with_its_reason(
    listed: Path, tmp_path: Path, encoded, picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is made small here, to not write half a gigabyte."""
    monkeypatch.setattr("cutis.data.files_in.MAX_BYTES", 2**20)
    with zipfile.ZipFile(listed / "images.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.jpg", photo(encoded, picture, 1))
        z.writestr("b.jpg", bytes(2**21))
    assert (listed / "images.zip").stat().st_size < 2**14
    data = cutis.import_dataset(listed, tmp_path / "data")
    assert data.manifest["status"].to_list() == ["ok", "error"]
    assert "unpacked; at most" in data.manifest["reason"][1]


def test_a_zip_that_lies_of_its_size_is_a_row_with_its_reason(listed: Path, tmp_path: Path, encoded, picture) -> None:
    good = photo(encoded, picture, 2)
    with zipfile.ZipFile(listed / "images.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.jpg", photo(encoded, picture, 1))
        z.writestr("b.jpg", good)
    raw = (listed / "images.zip").read_bytes()
    size = len(good).to_bytes(4, "little")
    assert size in raw
    (listed / "images.zip").write_bytes(raw.replace(size, (10).to_bytes(4, "little")))
    data = cutis.import_dataset(listed, tmp_path / "data")
    assert data.manifest["status"].to_list() == ["ok", "error"]


def test_a_broken_zip_is_told(listed: Path, tmp_path: Path) -> None:
    (listed / "images.zip").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(CutisError, match=r"images\.zip: not a readable zip"):
        cutis.import_dataset(listed, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("closed", ["", "photos", "meta.csv"])
def test_without_permission_it_is_told(closed: str, encoded, picture, class_folders: Path, tmp_path: Path) -> None:
    """Root may read everything, so root steps down for the time of the import."""
    cutis.import_dataset(class_folders, tmp_path / "warm")  # loads what is loaded when it is needed
    root = Path(tempfile.mkdtemp(prefix="cutis-test-"))
    try:
        src = root / "src"
        (src / "photos").mkdir(parents=True)
        (src / "meta.csv").write_text("image,dx\na,nv\nb,mel\n")
        for seed, name in enumerate("ab"):
            (src / "photos" / f"{name}.jpg").write_bytes(photo(encoded, picture, seed))
        for path in (root, src):
            path.chmod(0o777)
        (src / closed).chmod(0)
        with nobody(), pytest.raises(CutisError, match="permission") as error:
            cutis.import_dataset(src, root / "data", reader="csv")
        assert closed in str(error.value)
        assert not (root / "data").exists()
    finally:
        for path in (root / "src", root / "src" / "photos"):
            path.chmod(stat.S_IRWXU)
        shutil.rmtree(root)


class nobody:
    """Without root's rights, where this process has them."""

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            os.seteuid(65534)

    def __exit__(self, *error: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)
