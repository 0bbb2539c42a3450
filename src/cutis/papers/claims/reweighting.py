from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial

CLAIM = Claim(
    id="reweighting",
    title="Reweighting by group",
    citation='Kamiran & Calders, "Data preprocessing techniques for classification without discrimination", Knowl. '
    "Inf. Syst. 33, 2012.",
    claim="Weights that make group and diagnosis independent take the discrimination out of what is learned.",
    idea="An image of a rare pair of group and class counts for more, one of a common pair for less.",
    equation="w(g, y) = P(g) P(y) / P(g, y)",
    differences="Several classes and groups. As drawing by the same weights it is the method resample.",
    where="train/objectives/reweighting.py",
    use="cutis train DATA --out RUN --method reweight --set column=artefact_ruler",
    notes={
        "phantom-patch": "The gap goes whole, as with group DRO and more simply: 0.13 to 0.66 where patch and "
        "class disagree.",
        "ham10000": "Nothing moves. A melanoma has a ruler 2.6 times as often as a naevus in the test part; "
        "what was planted in the patch world is nine times.",
    },
    trials=(
        Trial(
            "phantom-patch",
            metrics.gap(),
            method={"method": "reweight", "method_settings": {"column": "patch"}},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
        ),
        Trial(
            "ham10000",
            metrics.worst("ruler"),
            method={"method": "reweight", "method_settings": {"column": "ruler"}},
            beside=metrics.IN_GROUPS,
        ),
    ),
)
