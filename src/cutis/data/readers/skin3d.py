"""Skin3D: boxes around pigmented lesions on the textures of 3D body scans (3DBodyTex), by several annotators.

Source: Zhao et al., "Skin3D: Detection and Longitudinal Tracking of Pigmented Skin Lesions in 3D Total-Body Textured
Meshes", Medical Image Analysis 77, 102329 (2022), arXiv:2105.00374. One table of boxes, one of scans; the textures are
3DBodyTex's own and come after a signed agreement.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Join, Photo, Release
from cutis.errors import CutisError
from cutis.tables import Row

CARD = DatasetCard(
    name="skin3d",
    title="Skin3D: lesion boxes on 3D total-body textures",
    source="Zhao M. et al. Medical Image Analysis 77, 102329 (2022), doi:10.1016/j.media.2021.102329",
    licence="CC-BY-NC-SA-4.0",
    attribution="Skin3D (Zhao et al. 2022, doi:10.1016/j.media.2021.102329); 3DBodyTex (Saint et al. 2018)",
    modality="3D total-body textures",
    classes=(),
)
_TEXTURE = "model_highres_0_normalized.png"  # the same name in each scan's folder


def _photos(row: Row, where: str) -> Iterator[Photo]:
    scan = row["scan_name"]
    if not scan:
        raise CutisError(f'{where}: scan_id "{row["scan_id"]}" is not in the table of scans.')
    box = {key: values.number(row[column], column, where) for key, column in _CORNERS.items()}
    if any(v is None for v in box.values()) or box["width"] <= 0 or box["height"] <= 0:  # type: ignore[operator]
        raise CutisError(f"{where}: a box needs x, y, w and h in pixels, w and h above 0.")
    # "main" is the release's one annotation of every scan; A1, A2, A3 are three annotators' own of the test scans.
    box |= {"label": "lesion" if row["set"] == "main" else f"lesion by {row['set']}"}  # type: ignore[dict-item]
    yield Photo(
        {
            "image_id": scan,
            "patient_id": values.known(row["subject_id"]),
            "sex": row.get("sex"),
            "source_split": values.known(row.get("partition")),
            "boxes": [box],
            "pose": values.known(row.get("pose")),
        },
        file=f"{scan}/{_TEXTURE}",
        stem=scan,
    )


_CORNERS = {"x": "x", "y": "y", "width": "w", "height": "h"}
READER = Release(
    name="skin3d",
    layout="Skin3D: skin3d_lesion_boxes.csv and skin3d_scans.csv beside the scans' folders",
    card=CARD,
    facts=Facts(
        images=218,
        labels="26,507 lesion boxes, no diagnoses",
        identity="patient",
        access="form",
        address="https://github.com/jeremykawahara/skin3d",
        quirks=(
            "boxes labelled lesion are the main set (17,344 on 218 scans); lesion by A1, A2, A3 repeat 40 scans: three "
            "annotators who found 4,616, 2,830 and 1,717",
            "a subject was scanned in two poses: split by patient",
            "boxes are in pixels of the high-resolution texture",
        ),
    ),
    tables=("skin3d_lesion_boxes.csv", "*lesion_boxes*.csv"),
    needs=("scan_id", "set", "x", "y", "w", "h"),
    photos=_photos,
    used=("scan_id", "set", "annotator", "x", "y", "w", "h", "subject_id", "scan_name", "sex", "pose", "partition"),
    joins=(
        Join(
            ("skin3d_scans.csv", "*scans*.csv"),
            ("scan_id", "scan_id"),
            ("subject_id", "scan_name"),
            as_ours=lambda cell: cell.zfill(3),
        ),
    ),
    gather=("boxes",),
).reader()
