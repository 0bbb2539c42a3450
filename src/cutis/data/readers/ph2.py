"""PH2: PH2_dataset.txt (cells between bars) beside a folder an image, each with its lesion mask.

Source: Mendonca et al., "PH2 - a dermoscopic image database for research and benchmarking", EMBC (2013),
doi:10.1109/EMBC.2013.6610779.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.tables import Row, read_table, read_text

_NEVUS = "Benign:Benign melanocytic proliferations:Nevus"
CARD = DatasetCard(
    name="ph2",
    title="PH2: dermoscopic images of melanocytic lesions",
    source="Mendonca T. et al. EMBC (2013), doi:10.1109/EMBC.2013.6610779",
    licence="research-only",
    attribution="PH2 database, Universidade do Porto and Hospital Pedro Hispano; doi:10.1109/EMBC.2013.6610779",
    modality="dermoscopy",
    classes=(
        ClassInfo(
            code="atypical_nevus",
            name="Atypical nevus",
            diagnosis=_NEVUS,
            malignant=False,
            note="Called atypical clinically, not by histopathology: the path stops at Nevus.",
        ),
        ClassInfo(code="common_nevus", name="Common nevus", diagnosis=_NEVUS, malignant=False),
        values.ISIC_2018["mel"],
    ),
)
CLINICAL = {"0": "common_nevus", "1": "atypical_nevus", "2": "mel"}
# Criterion -> its letters, and which of them count as absent (the rest are concepts of their own).
_LETTERS = {"A": "absent", "AT": "atypical", "P": "present", "T": "typical"}
CRITERIA = {
    "Pigment Network": ("T", "AT"),
    "Dots/Globules": ("A", "T", "AT"),
    "Streaks": ("A", "P"),
    "Regression Areas": ("A", "P"),
    "Blue-Whitish Veil": ("A", "P"),
}
_COLOURS = {"1": "white", "2": "red", "3": "light-brown", "4": "dark-brown", "5": "blue-gray", "6": "black"}


def _parse(table: Path) -> tuple[list[str], Sequence[Row]]:
    """The text table, which ends where its legend begins; or a CSV of the same columns, as a spreadsheet saves it."""
    lines = [line for line in read_text(table).splitlines() if line.strip()]
    if not lines or not lines[0].lstrip().startswith("|"):
        return read_table(table)
    names = [name.strip() for name in lines[0].split("|")]
    rows = []
    for number, line in enumerate(lines[1:], 1):
        if not line.lstrip().startswith("|"):
            break
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != len(names):
            raise CutisError(f"{table}: row {number} has {len(cells)} cells between bars, the header {len(names)}.")
        rows.append({name: cell for name, cell in zip(names, cells, strict=True) if name})
    if not rows:
        raise CutisError(f"{table}: a header line but no rows.")
    return [name for name in names if name], rows


def concepts(row: Row, where: str) -> list[dict[str, str | float]]:
    """Dermoscopic criteria and colours as concepts, 1 or 0."""
    found: list[dict[str, str | float]] = []
    for criterion, letters in CRITERIA.items():
        letter = coded(row[criterion], {x: x for x in letters}, criterion, where)
        if letter is not None:
            name = criterion.casefold()
            found += [{"concept": f"{name}: {_LETTERS[x]}", "value": float(x == letter)} for x in letters if x != "A"]
    present = {coded(c, _COLOURS, "Colors", where) for c in row["Colors"].split()}
    return found + [{"concept": f"colour: {c}", "value": float(c in present)} for c in _COLOURS.values() if present]


def _photos(row: Row, where: str) -> Iterator[Photo]:
    name = row["Name"]
    target = coded(row["Clinical Diagnosis"], CLINICAL, "Clinical Diagnosis", where)
    histology = values.known(row["Histological Diagnosis"])
    yield Photo(
        {
            "image_id": name or None,
            **values.of_class(target, CARD.classes),
            "diagnosis_confirm_type": "histopathology" if histology else None,
            "histological_diagnosis": histology,
            "asymmetry": values.known(row["Asymmetry"]),
            "concepts": concepts(row, where),
            "image_type": "dermoscopic",
        },
        stem=name,
        mask=f"PH2 Dataset images/{name}/{name}_lesion/{name}_lesion.bmp",
    )


READER = Release(
    name="ph2",
    layout='PH2: PH2_dataset.txt beside "PH2 Dataset images/"',
    card=CARD,
    facts=Facts(
        images=200,
        labels="3 classes; lesion masks; 5 criteria, 6 colours",
        identity="none",
        access="form",
        address="https://www.fc.up.pt/addi/ph2%20database.html",
        quirks=(
            UNTESTED,
            "the class is the clinical diagnosis; only some rows have a histological one",
            "the masks of colours and of regression areas are left out; the lesion's is kept",
            "the release's .xlsx lays the classes out in columns and is not read: use PH2_dataset.txt",
        ),
    ),
    tables=("PH2_dataset.txt", "PH2_dataset.csv"),
    needs=("Name", "Histological Diagnosis", "Clinical Diagnosis", "Asymmetry", *CRITERIA, "Colors"),
    photos=_photos,
    used=("", "Name", "Histological Diagnosis", "Clinical Diagnosis", "Asymmetry", *CRITERIA, "Colors"),
    parse=_parse,
).reader()
