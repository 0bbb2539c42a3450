"""The dossier's pages: evidence and figures in, HTML out. What the clinician's page says is made in `said`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cutis.report import page, words
from cutis.report.audited import by_group, disturbs, said
from cutis.report.audited.by_group import for_clinician
from cutis.report.audited.select import (
    keys,
    metric_words,
    middles,
    more_is_worse,
    own_score,
    primary,
    score_words,
    suite_words,
    suites,
)
from cutis.report.checklists import UNVERIFIED, Filled, summary
from cutis.report.dossier import tables
from cutis.report.dossier.drawing import coverage_by_tone, refused_by_group
from cutis.report.dossier.methods import methods
from cutis.report.svg import Figure, template
from cutis.schema.dossier import DossierEvidence

# Of the bundle's card, what the page doesn't say elsewhere.
_CARD = (
    *("backbone", "method", "digest", "created", "cutis", "dataset", "dataset_digest", "preprocessing", "flips"),
    *("calibrator", "conformal", "ood", "gate", "operating_points", "precision", "parity"),
)


def _base(d: DossierEvidence, figures: Mapping[str, Figure]) -> dict[str, Any]:
    from markupsafe import Markup

    given = page.context(d.clean, figures, {})
    style = template("figures.css") + template("page.css") + template("dossier.css")
    model = " ".join(
        filter(None, (str(d.bundle.get("backbone") or ""), words.short(str(d.bundle.get("digest") or ""))))
    )
    subject = [(name, (model or value) if name == "Model" else value) for name, value in given["subject"]]
    return given | {"d": d, "style": Markup(style), "subject": subject}


def _data(d: DossierEvidence) -> str:
    return d.clean.info.dataset or d.dataset.title or d.dataset.name or "an unnamed dataset"


def clinician(d: DossierEvidence, figures: Mapping[str, Figure]) -> str:
    """index.html: one page in plain words."""
    whole, d = d, for_clinician(d)
    # what isn't for a clinician is in no figure either; the auditor's page and the folder have all of them
    shown = {"coverage-by-tone": coverage_by_tone(d.clean), "refused-by-group": refused_by_group(d.refusals)}
    figures = {n: f for n, f in figures.items() if n not in shown} | {n: f for n, f in shown.items() if f is not None}
    key = primary(d.shifts)
    score = next((score_words(r.score) for r in own_score(d)), "")
    given = _base(d, figures) | {
        "title": f"What this model can and can't do, as measured on {_data(d)}",
        "in_short": said.in_short(d),
        "whom": said.for_whom(whole),
        "groups": by_group.groups(d.clean),
        "refuses": said.refuses(d),
        "topics": disturbs.topics(d),
        "same_lesion": said.same_lesion(d),
        "strange": said.strange(d),
        "score": score,
        "unknown": said.unknown(d),
        "measure": "" if key is None else metric_words(key).lower(),
        "worse": "Right" if key is not None and more_is_worse(key[0]) else "Left",
        "shifts_tried": 0 if key is None else len(middles(d.shifts, key)),
    }
    return page.environment().get_template("dossier_clinician.html.j2").render(given)


def auditor(d: DossierEvidence, figures: Mapping[str, Figure], filled: Sequence[Filled]) -> str:
    """auditor.html: the report on the clean predictions, and every other table, figure and note."""
    given = _base(d, figures) | {
        "title": f"Audit dossier: {_data(d)}",
        "dossier_methods": methods(d),
        "shift_figures": _shift_figures(d, figures),
        "attack_figures": [name for name in figures if name.startswith("attacks-")],
        "shift_tables": tables.shift_tables(d.shifts),
        "summary_table": tables.summary_table(d.shifts),
        "ood_table": tables.ood_table(d.ood),
        "counterfactual_table": tables.counterfactual_table(d.counterfactual),
        "attack_table": tables.attack_table(d.attacks),
        "refusal_table": tables.refusal_table(d.refusals),
        "checklists": [(f.checklist.name, f.checklist.title, f.counts, len(f.answers)) for f in filled],
        "table_names": tables.NAMES,
        "bundle": [(words.upper(words.label(k)), words.flatten(d.bundle.get(k))) for k in _CARD],
    }
    return page.environment().get_template("dossier_auditor.html.j2").render(given)


def _shift_figures(d: DossierEvidence, figures: Mapping[str, Figure]) -> list[tuple[str, str]]:
    """(figure's name, its title) of the small multiples."""
    from cutis.report.figures import safe_name

    found = []
    for suite in suites(d.shifts):
        for key in keys(r for r in d.shifts if r.suite == suite):
            name = safe_name("-".join(filter(None, ("shift", suite, *key))))
            if name in figures:
                found.append((name, f"{suite_words(suite)}: {metric_words(key)}"))
    return found


def checklist(d: DossierEvidence, filled: Filled) -> str:
    """checklists/<name>.html."""
    from markupsafe import Markup

    style = template("figures.css") + template("page.css") + template("dossier.css")
    blocks: dict[str, list[Any]] = {}
    for answer in filled.answers:
        blocks.setdefault(answer.item.block, []).append(answer)
    given = {
        "w": words,
        "c": filled.checklist,
        "blocks": blocks,
        "counts": filled.counts,
        "summary": summary(filled),
        "style": Markup(style),
        "subject": _base(d, {})["subject"],
        "unverified": UNVERIFIED,
    }
    return page.environment().get_template("checklist.html.j2").render(given)
