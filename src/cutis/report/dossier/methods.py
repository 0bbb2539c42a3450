"""How each number of a dossier was made, and who described the method: only those that the dossier uses."""

from __future__ import annotations

from cutis.report import words
from cutis.report.audited.select import attack_words, score_words
from cutis.schema.dossier import DossierEvidence

_SHIFTS = (
    ("medmnistc", "MedMNIST-C's corruptions of dermoscopy", "Di Salvo, Doerrich & Ledig, arXiv 2406.17536, 2024"),
    ("skin", "Changes to skin photographs, in units that can be measured", "this project"),
)
_BE = (
    "BE and rBE: balanced error averaged over the severities, over that of AlexNet; after Hendrycks & Dietterich, ICLR "
    "2019, with AlexNet's errors on DermaMNIST from Di Salvo, Doerrich & Ledig, arXiv 2406.17536, 2024. Where its "
    "own rise is small (contrast up), rBE is mostly its denominator."
)
_SCORES = {
    "msp": "1 minus the largest probability: Hendrycks & Gimpel, ICLR 2017",
    "max_logit": "minus the largest logit: Hendrycks et al., ICML 2022",
    "maxlogit": "minus the largest logit: Hendrycks et al., ICML 2022",
    "energy": "minus the log of the summed exponentials of the logits: Liu et al., NeurIPS 2020",
    "mahalanobis": "distance to the nearest class mean, one covariance for all: Lee et al., NeurIPS 2018",
    "relative_mahalanobis": "the same less the distance to the mean of all: Ren et al., arXiv 2106.09022, 2021",
    "knn": "distance to the k-th nearest training feature: Sun et al., ICML 2022",
    "vim": "what is left of the feature outside the principal space, against the logits: Wang et al., CVPR 2022",
}
_ATTACKS = {
    "fgsm": "one step along the sign of the gradient: Goodfellow, Shlens & Szegedy, ICLR 2015",
    "pgd": "many such steps, projected back: Madry et al., ICLR 2018",
    "deepfool": "the nearest boundary of the linearised network: Moosavi-Dezfooli, Fawzi & Frossard, CVPR 2016",
}
_OF_METRICS = (
    (("ece",), "Calibration error: Guo et al., ICML 2017"),
    (("brier",), "Brier score and its parts: Brier, Mon Weather Rev 1950; Murphy, J Appl Meteorol 1973"),
    (("net_benefit",), "Net benefit and decision curves: Vickers & Elkin, Med Decis Making 2006"),
    (("aurc",), "Risk against coverage: Geifman & El-Yaniv, NeurIPS 2017"),
)
_SETS = {
    "lac": "least ambiguous sets: Sadinle, Lei & Wasserman, JASA 2019",
    "aps": "adaptive sets: Romano, Sesia & Candès, NeurIPS 2020",
    "raps": "regularised adaptive sets: Angelopoulos et al., ICLR 2021",
}


def methods(d: DossierEvidence) -> list[str]:
    """One sentence a method."""
    made = [words.methods(d.clean)]
    if d.clean.resamples > 0:
        made.append("Percentile intervals of a cluster bootstrap (Davison & Hinkley, 1997): units are drawn whole.")
    metrics = {m.metric for m in d.clean.measured} | {r.metric for r in d.shifts}
    made += [f"{text}." for starts, text in _OF_METRICS if any(m.startswith(starts) for m in metrics)]
    if any(f.tests for f in d.clean.fairness):
        made.append("Pairs of groups: p adjusted after Holm, Scand J Stat 1979, and Benjamini & Hochberg, JRSS B 1995.")
    conformal = (d.bundle.get("conformal") or {}).get("method")
    if conformal in _SETS:
        made.append(f"Answer sets by split conformal prediction: {_SETS[conformal]}.")
    made += [f"{name}: {source}." for suite, name, source in _SHIFTS if any(r.suite == suite for r in d.shifts)]
    if any(r.severity for r in d.shifts):
        made.append("A change is changed minus unchanged on the same images, in the same resamples (paired).")
    made += [_BE] if any(r.metric in ("be", "rbe") for r in d.shifts) else []
    scores = dict.fromkeys(r.score for r in d.ood)
    made += [f"{score_words(s)}: {_SCORES[s]}." for s in scores if s in _SCORES]
    for positive in dict.fromkeys(r.positive for r in d.ood):
        made.append(_fpr95(positive))
    if any(r.unit == "ITA" for r in d.counterfactual):
        made.append(
            "ITA, the individual typology angle of the skin's colour: Chardon, Cretois & Hourseau, 1991. High is light."
        )
    if any(r.world == "phantom" for r in d.counterfactual):
        made.append(
            "Drawn lesions are the phantom's: a scene is rendered again with only its skin or one artefact changed."
        )
    attacks = dict.fromkeys(a.attack for a in d.attacks)
    made += [f"{attack_words(a)}: {_ATTACKS[a]}." for a in attacks if a in _ATTACKS]
    return made


def _fpr95(positive: str) -> str:
    if positive == "known":
        return "FPR95 (known images count as found): strange images accepted where 95 of 100 known ones are."
    return "FPR95 (strange images count as found): known images refused where 95 of 100 strange ones are."
