"""Predictions -> structured reports, one an image: a measurement report by template TID 1500 (PS3.16).

A report holds the probability of each class, the members of the answer set, whether the answer was refused and why, and
which model said so: its name, and its bundle's digest as version. Classes are coded in Cutis's own scheme, as codes of
their data. Nothing in it is verified by a person, and it says so (UNVERIFIED, PARTIAL).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cutis.data.dataset import Dataset
from cutis.data.dicom.header import lesion_uid
from cutis.data.dicom.segment import stamp
from cutis.data.dicom.sites import SCHEME, region_of
from cutis.data.dicom.uids import DERMOSCOPIC, uid
from cutis.errors import CutisError, nearest
from cutis.schema.predictions import Predictions, PredictionsInfo

_STATUS = {
    "ok": "The model answers",
    "refused": "The model refuses to answer",
    "error": "The image could not be read",
}


def by_image(results: Predictions, known: set[str], dataset: Dataset) -> dict[str, dict[str, Any]]:
    """image_id -> its row. Raises CutisError for a row of an image that the dataset lacks."""
    rows = {row["image_id"]: row for row in results.table.iter_rows(named=True)}
    stray = next((n for n, image in enumerate(rows, 1) if image not in known), None)
    if stray is not None:
        image = list(rows)[stray - 1]
        raise CutisError(
            f'--results: row {stray}: image "{image}" is not in {dataset.path}: {nearest(image, sorted(known))} '
            "Give the predictions of this dataset."
        )
    return rows


def write(
    image: Any,
    row: dict[str, Any],
    answer: dict[str, Any],
    info: PredictionsInfo,
    when: datetime,
    frame: int | None = None,
) -> Any:
    """The ComprehensiveSR of one image (its pydicom Dataset), from its row of the manifest and of the predictions.

    info: of the predictions; when: they were made. frame: of an image of several, the one answered, from 1.
    """
    from highdicom import sr
    from pydicom.sr.codedict import codes

    concepts = {c.code: _concept(c.code, c.name) for c in info.classes}
    model = str(info.trained.get("backbone") or "unknown model")
    digest = info.bundle or "none"
    measurements = [
        sr.Measurement(name=concepts[c.code], value=round(answer[f"p_{c.code}"], 6), unit=codes.UCUM.NoUnits)
        for c in info.classes
        if answer[f"p_{c.code}"] is not None
    ]
    judged = [
        sr.QualitativeEvaluation(
            _concept("answer-status", "Whether the model answers"),
            _concept(f"answer-{answer['status']}", _STATUS[answer["status"]]),
        ),
        *(
            sr.QualitativeEvaluation(_concept("answer-set", "Member of the answer set"), concepts[member])
            for member in answer["set"] or ()
        ),
    ]
    sites = [sr.FindingSite(anatomic_location=_coded(region))] if (region := region_of(row)) is not None else None
    parameters = [f"digest of the model's bundle: {digest}"]
    if info.coverage is not None:
        on = f" on {info.calibrated_on}" if info.calibrated_on else ""
        parameters.append(
            f"answer sets were calibrated{on} to hold the truth in {info.coverage:.0%} of cases like those"
        )
        parameters.append("whether this picture is like those is not known")
    parameters += [*info.measured, *([f"dataset: {info.dataset}"] if info.dataset else []), *info.limits]
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=lesion_uid(row) if row["lesion_id"] else uid("finding", image.SOPInstanceUID),
            identifier=row["lesion_id"] or row["image_id"],
        ),
        finding_type=_concept("class-probability", "Probability of each class, by a model"),
        algorithm_id=sr.AlgorithmIdentification(name=model, version=digest[:64], parameters=parameters),
        finding_sites=sites,
        measurements=measurements,
        qualitative_evaluations=judged,
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(image, [frame] if frame else None)],
    )
    if answer["reason"]:
        comment = sr.TextContentItem(codes.DCM.Comment, answer["reason"], sr.RelationshipTypeValues.CONTAINS)
        group[0].ContentSequence.append(comment)
    dermoscopic = image.SOPClassUID == DERMOSCOPIC
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(
                observer_type=codes.DCM.Device,
                observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                    uid=uid("bundle", digest), name="cutis predict", manufacturer_name="Cutis", model_name=model[:64]
                ),
            )
        ),
        procedure_reported=codes.SCT.DermoscopicPhotography if dermoscopic else codes.SCT.PhotographyOfPatient,
        imaging_measurements=[group],
    )
    said = [str(answer[f"p_{c.code}"]) for c in info.classes] + [str(answer["set"]), answer["status"], answer["reason"]]
    said += info.measured  # another text is another instance
    made = sr.ComprehensiveSR(
        evidence=[image],
        content=content[0],
        series_instance_uid=uid("reports", image.SeriesInstanceUID, digest),
        series_number=3,
        sop_instance_uid=uid("report", image.SOPInstanceUID, digest, *said),
        instance_number=int(image.get("InstanceNumber") or 1),
        manufacturer="Cutis",
        is_complete=False,
        is_final=False,
    )
    return stamp(made, when)


def _concept(value: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value=value, scheme_designator=SCHEME, meaning=meaning[:64])


def _coded(region: Any) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning)
