"""What the bundles are: what they can answer, learned from, promise, and under which licence."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from cutis.bundle.predict import Bundle
from cutis.serve import promises
from cutis.serve.accounts.who import Asking
from cutis.serve.pages.render import bench_of, page
from cutis.serve.words import Words

router = APIRouter()


@router.get("/about")
def about(request: Request, who: Asking) -> HTMLResponse:
    bench = bench_of(request)
    bundles = [_bundle(bench.words, bundle) for bundle in bench.models.by_digest.values()]
    return page(request, "about.html", who, bundles=bundles)


def _bundle(words: Words, bundle: Bundle) -> dict[str, Any]:
    t, card = words.t, bundle.card
    rule = card.conformal
    measured = [
        (promises.place(words, p), [*promises.rows(words, p), *([] if p.own else [("", t("measured.elsewhere"))])])
        for p in bundle.measured
    ]
    kinds = {True: t("answer.malignant"), False: t("answer.benign"), None: t("answer.indeterminate")}
    licence = card.licence
    return {
        "title": f"{card.backbone}, {card.dataset}",
        "facts": [
            (t("about.coverage"), words.coverage(rule.coverage) if rule else t("answer.no_coverage")),
            *([("", promises.calibrated(words, card))] if rule else []),
            (t("about.dataset"), f"{card.dataset} · {card.dataset_digest[:12]}"),
            (t("about.made"), f"{card.created[:10]} · Cutis {card.cutis}"),
            (t("about.digest"), bundle.digest),
        ],
        "measured": measured,
        "doubts": promises.doubts(words, bundle.measured),
        "classes": [
            {"name": words.class_name(c.name), "kind": kinds[c.malignant], "note": c.note} for c in bundle.classes
        ],
        "limits": list(card.limits),
        "licence": [
            (t("about.licence"), licence.answer),
            *licence.parts.items(),
            *([(t("about.attribution"), "; ".join(licence.attribution))] if licence.attribution else []),
        ],
    }
