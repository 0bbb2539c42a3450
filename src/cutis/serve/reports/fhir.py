"""A case as a FHIR R4 Bundle: a DiagnosticReport, all that it rests on, and where it comes from.

Everything is told by pseudonym. Model answers are preliminary Observations by a Device; what a reader has signed is the
report's conclusion. A refused answer is an Observation without a value, which says why. Ids are hashes of what they
name, so the same case gives the same resources. https://hl7.org/fhir/R4/diagnosticreport.html
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from cutis import __version__
from cutis.schema.vocabulary import SEXES
from cutis.serve import promises
from cutis.serve.reports import observations as of
from cutis.serve.reports.codes import DICOM, HL7, LOINC, URI, body_site, coding, concept, diagnosis, own, system
from cutis.serve.reports.material import Material
from cutis.serve.store.tables import Photograph, Reading

_SPACE = uuid.UUID("0d9ba0a5-5f0a-4f0e-b7d5-6d0e8f1b3a77")  # drawn once; ids of resources are names in it
Resource = dict[str, Any]


def fhir_bundle(material: Material) -> Resource:
    """The Bundle, of type "collection", as plain data for JSON. Its report comes first."""
    return _Case(material).bundle()


def instant(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Case:
    """Gathers the resources of one case; each is added once, and referred to by its URN."""

    def __init__(self, material: Material) -> None:
        self.m = material
        self.case = material.case
        self.words = material.words
        self.made: dict[str, Resource] = {}
        self.patient = self._add(self._patient())
        self.software = self._add(self._software())
        self.site = {"bodySite": body_site(self.case.site, self.words.site(self.case.site))} if self.case.site else {}
        self.models = {digest: self._add(self._model(digest)) for digest in material.digests}
        self.readers = {r.account_id: self._add(_reader(r)) for r in self.case.readings}
        self.pictures = {p.id: self._add(self._media(p)) for p in self.case.photographs}

    def bundle(self) -> Resource:
        """What a report must be read by is added before it; what it says of itself, after."""
        if self.case.site or self.case.lesion:
            self._add(self._lesion())
        results = [self._add(one) for one in self._observations()]
        studies = [self._add(one) for one in self._studies()]
        report = self._add(self._report(results, studies))
        self._add(self._provenance([report, *results]))
        first = self.made.pop(report["reference"])
        entries = {report["reference"]: first, **self.made}
        return {
            "resourceType": "Bundle",
            "id": _id("bundle", self.case.id),
            "language": self.words.language,
            "identifier": {"system": system("report"), "value": self.case.id},
            "type": "collection",
            "timestamp": instant(self.m.made),
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
        }

    def _add(self, resource: Resource) -> Resource:
        """Add a resource, whose texts are in the report's language; returns the Reference to it."""
        url = f"urn:uuid:{resource['id']}"
        self.made[url] = resource | {"language": self.words.language}
        return {"reference": url, "type": resource["resourceType"]}

    # ---- who and what

    def _patient(self) -> Resource:
        case = self.case
        known = {"identifier": [{"system": system("patient"), "value": case.patient}]} if case.patient else {}
        gender = {"gender": case.sex} if case.sex in SEXES else {}
        return {"resourceType": "Patient", "id": _id("patient", case.patient or f"of {case.id}"), **known, **gender}

    def _lesion(self) -> Resource:
        case = self.case
        name = {"identifier": [{"system": system("lesion"), "value": case.lesion}]} if case.lesion else {}
        where = {"location": self.site["bodySite"]} if self.site else {}
        made = {"resourceType": "BodyStructure", "id": _id("lesion", case.patient, case.lesion or case.id)}
        return made | name | where | {"patient": self.patient}

    def _software(self) -> Resource:
        return {
            "resourceType": "Device",
            "id": _id("software", __version__),
            "deviceName": [{"name": "Cutis workbench", "type": "model-name"}],
            "version": [{"value": __version__}],
            "safety": [concept(self.words.safety.whole)],
        }

    def _model(self, digest: str) -> Resource:
        card = self.m.cards.get(digest)
        name = f"{card.backbone}, trained on {card.dataset}" if card else "a bundle that is not served any more"
        notes = (
            [{"text": text} for text in (card.licence.answer, *self._measured(digest), *card.limits)] if card else []
        )
        return {
            "resourceType": "Device",
            "id": _id("model", digest),
            "identifier": [{"system": system("bundle"), "value": digest}],
            "deviceName": [{"name": name, "type": "model-name"}],
            "version": [{"value": digest}],
            "type": own("classifier", "Image classifier"),
            "safety": [concept(self.words.safety.whole)],
            **({"note": notes} if notes else {}),
        }

    def _measured(self, digest: str) -> list[str]:
        """What was measured of the model, a line a measurement; or that nothing was."""
        told = [promises.performance(self.words, p) for p in self.m.measured.get(digest, ())]
        return told or [self.words.t("measured.never")]

    def _media(self, photograph: Photograph) -> Resource:
        kind = self.words.t(f"kind.{photograph.kind}")
        return {
            "resourceType": "Media",
            "id": _id("picture", photograph.id),
            "identifier": [{"system": system("sha-256"), "value": photograph.digest}],
            "status": "completed",
            "type": concept("Image", coding(f"{HL7}/media-type", "image", "Image")),
            "view": own(f"view-{photograph.kind}", kind),
            "subject": self.patient,
            "createdDateTime": instant(self.case.received_at),
            **self.site,
            "width": photograph.width,
            "height": photograph.height,
            "content": {"contentType": photograph.media_type, "title": kind},
        }

    def _studies(self) -> list[Resource]:
        """An ImagingStudy a DICOM study of which photographs came."""
        studies: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for photograph in self.case.photographs:
            if photograph.dicom:
                at = studies.setdefault(photograph.dicom["study"], {})
                at.setdefault(photograph.dicom["series"], []).append(photograph.dicom)
        return [
            {
                "resourceType": "ImagingStudy",
                "id": _id("study", study),
                "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{study}"}],
                "status": "available",
                "subject": self.patient,
                "numberOfSeries": len(series),
                "numberOfInstances": sum(map(len, series.values())),
                "series": [
                    {
                        "uid": one,
                        "modality": {"system": DICOM, "code": _modality(instances[0])},
                        "numberOfInstances": len(instances),
                        **({"bodySite": self.site["bodySite"]["coding"][0]} if self.site else {}),
                        "instance": [
                            {"uid": i["instance"], "sopClass": {"system": URI, "code": f"urn:oid:{i['sop_class']}"}}
                            for i in instances
                        ],
                    }
                    for one, instances in series.items()
                ],
            }
            for study, series in studies.items()
        ]

    # ---- what was found

    def _observations(self) -> list[Resource]:
        case, m = self.case, self.m
        made = [of.age(case), of.history(case, m.words), of.red_flags(case, m.words)]
        for photograph, answer in m.answers:
            by = {"device": self.models[answer.bundle], "derivedFrom": [self.pictures[photograph.id]], **self.site}
            made.append(of.answer(answer, m, photograph.kind) | by)
        for photograph in case.photographs:
            by = {"device": self.software, "derivedFrom": [self.pictures[photograph.id]], **self.site}
            found = of.tone(photograph, m.words)
            made.append(found and found | by)
        for reading in case.readings:
            by = {"performer": [self.readers[reading.account_id]], **self.site}
            made += [one | by for one in (of.reading(reading, m), *of.checklists(reading, m.words))]
        found_all = [one for one in made if one]
        when = instant(case.received_at)
        return [
            {"resourceType": "Observation", "id": _id("observation", case.id, str(n)), "effectiveDateTime": when}
            | {"subject": self.patient}
            | one
            for n, one in enumerate(found_all)
        ]

    def _report(self, results: Sequence[Resource], studies: Sequence[Resource]) -> Resource:
        case, signed = self.case, self.m.signed
        text = self._conclusion(signed)
        times_signed = sum(r.kind == "signed" for r in case.readings)
        made: Resource = {
            "resourceType": "DiagnosticReport",
            "id": _id("report", case.id),
            "text": {
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(text)}</p></div>',
            },
            "identifier": [{"system": system("case"), "value": case.id}],
            "status": "preliminary" if signed is None else "corrected" if times_signed > 1 else "final",
            "category": [concept("Imaging", coding(f"{HL7}/v2-0074", "IMG", "Diagnostic Imaging"))],
            "code": concept(self.words.t("report.title"), coding(LOINC, "18748-4", "Diagnostic imaging study")),
            "subject": self.patient,
            "effectiveDateTime": instant(case.received_at),
            "issued": instant(signed.created_at if signed else self.m.made),
            "result": list(results),
            "media": [{"link": self.pictures[p.id]} for p in case.photographs],
            "conclusion": text,
        }
        if studies:
            made["imagingStudy"] = list(studies)
        if signed:
            reader = self.readers[signed.account_id]
            made |= {"performer": [reader], "resultsInterpreter": [reader]}
            made["conclusionCode"] = [diagnosis(self.m.named(signed.diagnosis), of.class_of(signed.diagnosis, self.m))]
        return made

    def _conclusion(self, signed: Reading | None) -> str:
        t = self.words.t
        if signed is None:
            return f"{t('report.no_conclusion')} {self.words.safety.whole}"
        parts = [f"{t('report.conclusion')}: {self.m.named(signed.diagnosis)}."]
        if signed.management:
            parts.append(f"{t('report.management')}: {signed.management}.")
        if signed.override:
            parts.append(f"{t('report.override')}: {signed.override}")
        return " ".join((*parts, self.words.safety.whole))

    def _provenance(self, targets: Sequence[Resource]) -> Resource:
        def agent(role: str, who: Resource) -> Resource:
            kind = coding(f"{HL7}/provenance-participant-type", role, role.capitalize())
            return {"type": concept(role.capitalize(), kind), "who": who}

        signers = dict.fromkeys(r.account_id for r in self.case.readings if r.kind == "signed")
        return {
            "resourceType": "Provenance",
            "id": _id("provenance", self.case.id),
            "target": list(targets),
            "occurredDateTime": instant(self.m.signed.created_at if self.m.signed else self.case.received_at),
            "recorded": instant(self.m.made),
            "activity": concept("create", coding(f"{HL7}/v3-DataOperation", "CREATE", "create")),
            "agent": [
                agent("assembler", self.software),
                *(agent("author", model) for model in self.models.values()),
                *(agent("verifier", self.readers[account]) for account in signers),
            ],
            "entity": [{"role": "source", "what": picture} for picture in self.pictures.values()],
        }


def _reader(reading: Reading) -> Resource:
    name = reading.account.name
    return {
        "resourceType": "Practitioner",
        "id": _id("account", name),
        "identifier": [{"system": system("account"), "value": name}],
    }


def _modality(dicom: dict[str, Any]) -> str:
    """(0008,0060) of the header, which is in the DICOM JSON model; "XC" is what an external camera is."""
    said = dicom.get("header", {}).get("00080060", {}).get("Value") or ["XC"]
    return str(said[0])


def _id(kind: str, *name: str | None) -> str:
    return str(uuid.uuid5(_SPACE, chr(31).join((kind, *(part or "" for part in name)))))
