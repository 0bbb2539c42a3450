"""SCIN, Skin Condition Image Network: scin_cases.csv and scin_labels.csv, one to three photographs a case.

Source: Ward et al., "Creating an empirical dermatology dataset through crowdsourcing with web search advertisements",
JAMA Network Open 7, e2446615 (2024); columns from the release's own dataset_schema.md.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.labels import class_info
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Join, Photo, Release
from cutis.errors import CutisError
from cutis.tables import Row

CARD = DatasetCard(
    name="scin",
    title="SCIN: Skin Condition Image Network",
    source="Ward A. et al. JAMA Network Open 7, e2446615 (2024), doi:10.1001/jamanetworkopen.2024.46615",
    licence="unknown",
    attribution="SCIN dataset, Google and Stanford Medicine; doi:10.1001/jamanetworkopen.2024.46615",
    modality="clinical photographs",
    classes=(),
)
LABEL = "weighted_skin_condition_label"
MONK = ("monk_skin_tone_label_us", "monk_skin_tone_label_india")


def differential(cell: str, where: str) -> list[dict[str, str | float]]:
    """SCIN's {'Eczema': 0.69, 'Psoriasis': 0.31} as diagnoses with weights that sum to 1, in the order given."""
    if values.known(cell) is None:
        return []
    try:
        given = ast.literal_eval(cell)
        weights = {str(name): float(weight) for name, weight in given.items()}
    except (ValueError, SyntaxError, AttributeError, TypeError, MemoryError, RecursionError):
        raise CutisError(f"{where}: {LABEL} \"{cell[:60]}\": expected {{'name': weight, ...}}.") from None
    total = math.fsum(weights.values())
    if weights and not (all(0 <= w < math.inf for w in weights.values()) and total > 0):
        raise CutisError(f'{where}: {LABEL} "{cell[:60]}": weights are numbers of 0 or more, not all 0.')
    return [{"diagnosis": name, "weight": weight / total} for name, weight in weights.items()]


def _photos(row: Row, where: str) -> Iterator[Photo]:
    conditions = differential(row[LABEL], where)
    top = max(conditions, key=lambda c: c["weight"])["diagnosis"] if conditions else None  # the first, of equals
    skin_type = row["fitzpatrick_skin_type"]
    shared = {
        "case_id": row["case_id"] or None,
        "differential": conditions or None,
        "sex": row.get("sex_at_birth"),
        "fitzpatrick_skin_type": None if skin_type == "NONE_SELECTED" else skin_type,
        "monk_skin_tone": next((tone for column in MONK if (tone := values.known(row.get(column)))), None),
    }
    for number in (1, 2, 3):
        path = row.get(f"image_{number}_path", "")
        if path:
            yield Photo(
                shared
                | {
                    "image_id": f"{row['case_id']}_{number}",
                    "image_path": path,
                    "shot_type": values.known(row.get(f"image_{number}_shot_type")),
                },
                file=path.removeprefix("dataset/"),
                named=class_info(str(top)) if top else None,
            )


READER = Release(
    name="scin",
    layout="SCIN: scin_cases.csv and scin_labels.csv beside images/ (or all in dataset/)",
    card=CARD,
    facts=Facts(
        images=10_408,
        labels="weighted differential of up to 3 dermatologists",
        identity="case",
        access="open",
        address="https://github.com/google-research-datasets/scin",
        quirks=(
            UNTESTED,
            "the class is the heaviest condition of the differential (the first, of equals); the whole differential "
            "is in its own column. Dermatologists saw photographs only: no label is confirmed",
            "a case has one to three photographs and nothing ties cases of one person together; split by case_id",
            "15 images appear 42 times under several cases: image_id is case and number, image_path names the file",
            "fitzpatrick_skin_type is what contributors said of themselves; the dermatologists' estimates are in "
            "dermatologist_fitzpatrick_skin_type_label_1 to _3",
            "monk_skin_tone is the label of the raters in the United States, else of those in India; both travel along",
            "ages are bands (age_group): age_approx stays unknown",
            "under the SCIN Data Use License, which Cutis doesn't know the terms of: read it before any use",
        ),
    ),
    tables=("scin_cases.csv", "dataset/scin_cases.csv"),
    needs=("case_id", "image_1_path", "fitzpatrick_skin_type"),
    photos=_photos,
    used=(
        *("case_id", "source", LABEL, "sex_at_birth", "fitzpatrick_skin_type"),
        *(f"image_{n}_{what}" for n in (1, 2, 3) for what in ("path", "shot_type")),
    ),
    joins=(Join(("scin_labels.csv", "dataset/scin_labels.csv"), ("case_id", "case_id"), (LABEL,)),),
).reader()
