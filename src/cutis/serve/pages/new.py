"""A new case: the form. Its script sends it to the API, which opens the case."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from cutis.schema.vocabulary import SEXES
from cutis.serve.accounts.who import Asking
from cutis.serve.clinical.history import SYMPTOMS
from cutis.serve.pages import telling
from cutis.serve.pages.render import bench_of, page
from cutis.serve.store.tables import PICTURES

router = APIRouter()


@router.get("/new")
def new(request: Request, who: Asking) -> HTMLResponse:
    bench = bench_of(request)
    t, limit = bench.words.t, bench.settings.max_bytes // 1_000_000
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, group in SYMPTOMS.items():
        groups.setdefault(group, []).append((name, t(f"symptom.{name}")))
    values: dict[str, Any] = {
        "kinds": PICTURES,
        "sexes": [("", t("sex.unknown")), *((sex, t(f"sex.{sex}")) for sex in SEXES)],
        "sites": telling.sites(bench.words),
        "symptoms": [(t(f"symptom_group.{group}"), rows) for group, rows in groups.items()],
        "limits": t("new.limits", megabytes=limit, megapixels=bench.settings.max_pixels // 1_000_000),
        # the script puts in which file, and how large it is
        "too_large": t("new.too_large", name="{name}", megabytes="{megabytes}", limit=limit),
    }
    return page(request, "new.html", who, **values)
