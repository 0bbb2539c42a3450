"""On German pages classes have their German names; what programs read keeps the bundle's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cutis.serve.words import Words

DE = Words.of("de")


def test_queue_case_report_and_about(opened: Callable[..., Any], tmp_path: Path, photographs: list[bytes]) -> None:
    with opened(tmp_path, language="de") as client:
        files = [("pictures", ("a.jpg", photographs[0], "image/jpeg"))]
        case = client.post("/api/cases", files=files, data={"kind": "dermoscopy"}).json()
        names = case["names"]
        assert case["set"], "this picture must be answered"
        english, german = names[case["set"][0]], DE.class_name(names[case["set"][0]])
        assert english != german
        sent = {"kind": "signed", "diagnosis": german.upper(), "override": ""}  # as the page calls it, in any case
        signed = client.post(f"/api/cases/{case['id']}/readings", json=sent)
        assert signed.status_code == 201, signed.text
        assert signed.json()["readings"][0]["diagnosis"] == case["set"][0]
        own = {"kind": "signed", "diagnosis": "Keloid?", "override": "Nachgeschlagen"}
        client.post(f"/api/cases/{case['id']}/readings", json=own)
        for path in (
            "/?state=all",
            f"/cases/{case['id']}",
            f"/cases/{case['id']}?correct=1",
            f"/cases/{case['id']}/report",
        ):
            page = client.get(path, headers={"Accept": "text/html"}).text
            assert german in page, path
            assert english not in page, path
        assert "Keloid?" in client.get(f"/cases/{case['id']}/report").text  # a reader's own words stay as they are
        about = client.get("/about").text
        assert all(DE.class_name(name) in about for name in names.values())
        api = client.get(f"/api/cases/{case['id']}").json()
        assert api["names"] == names
        fhir = client.get(f"/api/cases/{case['id']}/report.json").json()
        displays = {one["display"] for several in found(fhir, "coding") for one in several if "display" in one}
        assert german not in displays
        assert english in displays


def found(value: Any, key: str) -> list[Any]:
    """Every value of `key` in nested data."""
    if isinstance(value, dict):
        own = [value[key]] if key in value else []
        return own + [one for v in value.values() for one in found(v, key)]
    return [one for v in value for one in found(v, key)] if isinstance(value, list) else []
