"""Results as DICOM, beside a photograph that came as DICOM: what a bundle said of it, and a lesion that a reader drew.

They refer to the de-identified image and hold its pseudonyms, as the header was kept with the photograph. The report is
the model's, so it is unverified; what a reader has signed is in the page and in FHIR.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cutis.data.dicom import report, segment
from cutis.data.dicom.quiet import quiet
from cutis.data.dicom.uids import DERMOSCOPIC, PHOTOGRAPHIC
from cutis.data.dicom.write import encoded
from cutis.errors import CutisError
from cutis.extras import require
from cutis.files import canonical_json, sha256_text
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import PredictionsInfo
from cutis.schema.sites import SPECIAL_SITES
from cutis.schema.vocabulary import SITE_COLUMNS, site_levels
from cutis.serve.kinds import Refused
from cutis.serve.promises import told
from cutis.serve.reports.material import Material
from cutis.serve.reports.outlined import takes_outline
from cutis.serve.store.tables import Answer, Photograph, now

Point = tuple[float, float]


def structured_report(material: Material, photograph: Photograph) -> bytes:
    """The Comprehensive SR file of a photograph's latest answer, by template TID 1500.

    Raises Refused: 409 if the photograph didn't come as DICOM or has no answer, 422 for a header that can't be used.
    """
    image = _image(photograph)
    if not photograph.answers:
        raise Refused(409, f"photograph {photograph.id}: no model has answered for it, so there is nothing to report.")
    answer = photograph.answers[-1]
    several = image.SOPClassUID not in (DERMOSCOPIC, PHOTOGRAPHIC) and int(image.get("NumberOfFrames") or 1) > 1
    try:
        made = report.write(
            image,
            _row(material, photograph),
            _answer(answer),
            _info(material, answer),
            answer.created_at,
            frame=photograph.dicom["frame"] if photograph.dicom and several else None,
        )
        return _finished(made, photograph)
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise _unusable(photograph, error) from None


def segmentation(material: Material, photograph: Photograph, outline: Sequence[Point]) -> bytes:
    """The Segmentation file of a lesion. outline: (x, y) of its corners in pixels of the photograph, from its upper
    left corner; what is outside of the picture is cut off.

    Raises Refused: 409 if the photograph didn't come as a DICOM image of one frame, 422 for an outline that holds no
    pixel.
    """
    import cv2

    image = _image(photograph)
    if not takes_outline(photograph):
        raise Refused(409, f"photograph {photograph.id}: only DICOM images of one frame are outlined.")
    mask = np.zeros((photograph.height, photograph.width), np.uint8)
    corners = np.clip(np.array(outline, np.float64), -1e4, 1e5).round().astype(np.int32).reshape(-1, 1, 2)
    cv2.fillPoly(mask, [corners], 1)
    if len(corners) < 3 or not mask.any():
        raise Refused(422, "outline: it holds no pixel of the picture. Give three corners or more, in pixels.")
    digest = sha256_text(canonical_json([list(corner) for corner in outline]))
    try:
        made = segment.of_pixels(image, _row(material, photograph), mask.astype(bool), digest, now())
        return _finished(made, photograph)
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise _unusable(photograph, error) from None


def _image(photograph: Photograph) -> Any:
    """The image's header for the writers. Raises Refused 409 if the photograph didn't come as DICOM.

    The patient's name is put back at the end: a pseudonym isn't made like a name, which highdicom would warn of.
    """
    if not photograph.dicom or "header" not in photograph.dicom:
        raise Refused(409, f"photograph {photograph.id} didn't come as DICOM. Take the report as FHIR or print it.")
    require("dicom")
    from pydicom.dataset import FileMetaDataset

    quiet()
    image = _header(photograph)
    image.PatientName = ""
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = photograph.dicom["transfer_syntax"]
    return image


def _header(photograph: Photograph) -> Any:
    from pydicom.dataset import Dataset

    assert photograph.dicom is not None
    try:
        return Dataset.from_json(photograph.dicom["header"])
    except Exception as error:  # pydicom raises many kinds of error for values that it took once
        raise _unusable(photograph, error) from None


def _finished(made: Any, photograph: Photograph) -> bytes:
    made.PatientName = _header(photograph).PatientName
    return encoded(made, photograph.id)


def _unusable(photograph: Photograph, error: Exception) -> Refused:
    brief = " ".join(str(error).split())[:160]
    return Refused(422, f"photograph {photograph.id}: its DICOM header can't be written beside ({brief}). Use FHIR.")


def _row(material: Material, photograph: Photograph) -> dict[str, Any]:
    """What the writers ask of a manifest's row."""
    case = material.case
    try:
        levels = site_levels(case.site)
    except CutisError:
        levels = site_levels(None)
    return {
        "image_id": photograph.id,
        "lesion_id": case.lesion,
        "patient_id": case.patient,
        "source": None,
        "anatom_site_special": case.site if case.site in SPECIAL_SITES.values() else None,
        **dict(zip(SITE_COLUMNS, levels, strict=True)),
    }


def _answer(said: Answer) -> dict[str, Any]:
    probabilities = {f"p_{code}": value for code, value in (said.probabilities or {}).items()}
    return probabilities | {"set": said.answer_set, "status": said.status, "reason": said.reason}


def _info(material: Material, said: Answer) -> PredictionsInfo:
    """Of a bundle that is no longer served only its digest and the codes of its classes are known."""
    card = material.cards.get(said.bundle)
    codes = said.probabilities or {}
    if card is None:
        return PredictionsInfo(classes=tuple(ClassInfo(code=code, name=code) for code in codes), bundle=said.bundle)
    return PredictionsInfo(
        classes=tuple(c for c in card.classes if c.code in codes),
        bundle=said.bundle,
        coverage=card.conformal.coverage if card.conformal else None,
        trained={"backbone": card.backbone},
        calibrated_on=card.calibrated_on,
        measured=tuple(told(material.words, material.measured.get(said.bundle, ()))),
        limits=(*card.limits, material.words.safety.whole),
    )
