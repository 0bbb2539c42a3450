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


def test_sites_and_promises_in_german(opened: Callable[..., Any], tmp_path: Path, photographs: list[bytes]) -> None:
    with opened(tmp_path, language="de") as client:
        files = [("pictures", ("a.jpg", photographs[0], "image/jpeg"))]

        def sent(site: str) -> Any:
            return client.post("/api/cases", files=files, data={"kind": "dermoscopy", "site": site})

        wrong = sent("Rippe")
        assert wrong.status_code == 422
        assert wrong.json()["detail"] == (
            "Körperstelle: „Rippe“ ist hier als Körperstelle nicht bekannt. Wählen Sie eine aus der Liste."
        )
        assert "Meinten Sie „Unterarm“?" in sent("Unterarn").json()["detail"]
        case = sent("linker Unterarm").json()
        assert (case["site"], case["note"]) == ("Upper extremity:Forearm", "linker Unterarm")
        form = client.get("/new").text
        assert '<option value="Unterarm">' in form
        assert "Forearm" not in form
        for path in ("/?state=all", f"/cases/{case['id']}", f"/cases/{case['id']}/report"):
            page = client.get(path, headers={"Accept": "text/html"}).text
            assert "Unterarm" in page, path
            assert "Forearm" not in page, path
        queue = client.get("/?site=Upper+extremity", headers={"Accept": "text/html"}).text
        assert '<option value="Upper extremity" selected>Arm</option>' in queue
        assert case["id"] in queue
        page = client.get(f"/cases/{case['id']}").text
        assert "wurde nie an Bildern gemessen, an denen das Modell nicht gelernt hat" in page
        assert "Ob dieses Bild solchen gleicht, ist nicht bekannt" in page
        about = client.get("/about").text
        assert "Nie, an Bildern, an denen es nicht gelernt hat" in about
