"""Codes of the FHIR resources: LOINC, SNOMED CT and HL7's own where they are sure, else systems of our own.

A system of our own is a UID made of its name (2.25, PS3.5 B.2), so it is nobody else's and needs no registry.
"""

from __future__ import annotations

from typing import Any

from cutis.data.dicom.sites import CODES, SKIN
from cutis.data.dicom.uids import uid
from cutis.schema.classes import ClassInfo

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
URI = "urn:ietf:rfc:3986"
# Diagnoses of the ISIC vocabulary whose SNOMED CT concept is sure. Melanoma isn't among them: a class of that name
# holds melanomas in situ, which SNOMED CT's malignant melanoma doesn't.
_DIAGNOSES = {
    "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma": (
        "254701007",
        "Basal cell carcinoma of skin",
    ),
}


def system(name: str) -> str:
    """The URI of a system of our own: "observation", "class", "site", "patient"..."""
    return f"urn:oid:{uid('fhir', name)}"


def coding(of: str, code: str, display: str) -> dict[str, Any]:
    return {"system": of, "code": code, "display": display}


def concept(text: str, *codings: dict[str, Any]) -> dict[str, Any]:
    return {"coding": list(codings), "text": text} if codings else {"text": text}


def own(code: str, text: str) -> dict[str, Any]:
    """A concept of our own system of observations."""
    return concept(text, coding(system("observation"), code, text))


def diagnosis(text: str, info: ClassInfo | None = None) -> dict[str, Any]:
    """A diagnosis: a bundle's class with its codes, or a reader's own words."""
    if info is None:
        return concept(text)
    codings = [coding(system("class"), info.code, info.name)]
    if info.diagnosis:
        codings.append(coding(system("isic-diagnosis"), info.diagnosis, info.diagnosis.rpartition(":")[2]))
    if info.diagnosis in _DIAGNOSES:
        codings.append(coding(SNOMED, *_DIAGNOSES[info.diagnosis]))
    return concept(text, *codings)


def body_site(site: str, text: str) -> dict[str, Any]:
    """A site of the ISIC vocabulary: its nearest ancestor that SNOMED CT is sure of, and the site itself. text: what it
    is called, in the report's language; codings have their systems' own words."""
    known = site
    while known and known not in CODES:
        known = known.rpartition(":")[0]
    _, code, meaning = CODES.get(known, SKIN)
    last = site.rpartition(":")[2]
    return concept(text, coding(SNOMED, code, meaning), coding(system("isic-site"), site, last))


def quantity(value: float, unit: str, code: str) -> dict[str, Any]:
    """unit: for people; code: of UCUM."""
    return {"value": round(value, 6), "unit": unit, "system": UCUM, "code": code}
