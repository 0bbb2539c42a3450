"""The groups of an attribute beside each other: gaps, ratios, equity-scaled numbers, the worst group, tests of pairs.

Names, for `Evidence.find(metric, class_code, attribute)`; formulas and sources are in `cutis.evaluate.disparity`.
  * gap_M, largest minus smallest over the groups, and worst_M, the worst group's value, for M = accuracy,
    balanced_accuracy, macro_auroc, ece, coverage; with class code "malignant" auroc, sensitivity_at_point_NAME and
    specificity_at_point_NAME; with each class's code (gap only) sensitivity and false_positive_rate.
  * nar, pqd, dpm, eom, eod, equalized_odds; eod_light_dark, of Fitzpatrick I-III against IV-VI, each taken together.
  * es_M and es_sd_M, equity-scaled by the sum of gaps or by the sample standard deviation, for M = accuracy,
    balanced_accuracy, macro_auroc, and auroc of "malignant".

Who is compared: groups with 10 units. Where a number needs cases and non-cases of a class, 10 units of each: a group
with fewer is left out of that class's own numbers, and a class with such a group out of averages over classes; both are
named. Rows whose attribute is unknown are no group here. "Overall", in an equity-scaled number, is all compared groups.

Every resample redraws units of the whole table (the draws of the table's own numbers), and all groups are computed in
it, so a patient with images in two groups moves both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cutis.evaluate import disparity
from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.bootstrap import interval
from cutis.evaluate.cells import CALLED, Cells
from cutis.evaluate.discrimination import MALIGNANT
from cutis.evaluate.groups import UNKNOWN, Group
from cutis.evaluate.malignancy import is_two_way, two_way
from cutis.evaluate.multiplicity import benjamini_hochberg, holm, p_value
from cutis.evaluate.numbers import FEWEST_FOR_INTERVAL, PLURALS
from cutis.evaluate.sample import Sample
from cutis.schema.evidence import Disparity, Fairness, GroupTest

LEAST = FEWEST_FOR_INTERVAL  # units in a cell
TONES = "fitzpatrick_skin_type"
LIGHT, DARK = ("I", "II", "III"), ("IV", "V", "VI")
_LOWER_IS_BETTER = ("ece", "false_positive_rate")
_NAMED = 4  # groups or classes named in a remark before "and n more"


@dataclass(frozen=True)
class Compared:
    """What is reported of an attribute; draws: (resamples,) plain values of each of `fairness.measured`, in order."""

    fairness: Fairness
    draws: list[Floats]


def compare_groups(
    sample: Sample, groups: Sequence[Group], *, points: Mapping[str, float], resamples: int, seed: int, level: float
) -> list[Compared]:
    """Compare the groups of every attribute; [] for a multi-label sample, whose rows have no one answer."""
    if sample.task == "multi-label":
        return []
    points = points if sample.task == "multi-class" else {}
    cells = Cells(sample, points, resamples, seed)
    names = list(dict.fromkeys(g.attribute for g in groups))
    found = [_Attribute(cells, sample, [g for g in groups if g.attribute == name], level) for name in names]
    cells.draw()
    return [attribute.compare(list(points)) for attribute in found]


class _Attribute:
    """One attribute: who can be compared on what, then the numbers."""

    def __init__(self, cells: Cells, sample: Sample, groups: Sequence[Group], level: float) -> None:
        self.cells, self.sample, self.level, self.name = cells, sample, level, groups[0].attribute
        known = [g for g in groups if UNKNOWN not in g.name.split(", ")]
        self.rows = np.array([g.rows for g in known]).reshape(len(known), len(sample))
        self.left_out = [f"{g.name}: {g.rows.sum():,} rows, not compared" for g in groups if g not in known]
        everyone = np.ones(len(sample), bool)
        have = self._units(everyone)
        enough = have >= LEAST
        self.left_out = [
            f"{g.name}: only {self._count(n)}; you need {LEAST - n} more"
            for g, n in zip(known, have.tolist(), strict=True)
            if n < LEAST
        ] + self.left_out
        self.few = self._too_few(known, have, "")
        self.groups = [g for g, held in zip(known, enough, strict=True) if held]
        self.rows = self.rows[enough]
        self.all_rows = self.rows.any(0) if len(self.groups) else np.zeros(len(sample), bool)
        self.found: list[tuple[Disparity, Floats]] = []
        self.tests: list[GroupTest] = []
        if len(self.groups) < 2:
            return
        k = range(len(sample.classes))
        self.cases = np.array([self._units(sample.target == c) for c in k])  # (classes, groups) units
        self.others = np.array([self._units(sample.target != c) for c in k])
        self.found_in_all = (self.cases >= LEAST).all(1)
        self.ranked_in_all = self.found_in_all & (self.others >= LEAST).all(1)
        ranked = np.flatnonzero(self.ranked_in_all).tolist()
        two = is_two_way(sample.classes)
        self.parts = [cells.add(rows, ranked, two) for rows in self.rows]
        self.whole = cells.add(self.all_rows, ranked, two)
        if two:
            question = two_way(sample)
            self.sick, self.well = question.rows & question.case, question.rows & ~question.case
            sick, well = self._units(self.sick), self._units(self.well)
            kinds = ["malignant" if a < b else "benign" for a, b in zip(sick, well, strict=True)]
            self.sides = self._who(np.minimum(sick, well), "that are malignant and as many benign", kinds)
            rows = self.rows[self.sides[0]].any(0) if self.sides[0] else self.all_rows
            self.two_way_whole = cells.add(rows, ranked if len(self.sides[0]) == len(self.groups) else (), True)
        self.tones = self._tones(known)

    # Counting

    def _units(self, mask: Bools) -> np.ndarray:
        return np.array([self.sample.units_in(rows & mask) for rows in self.rows], np.int64)

    def _count(self, n: int) -> str:
        unit = self.sample.unit_name
        return f"{n:,} {unit if n == 1 else PLURALS[unit]}"

    def _too_few(self, groups: Sequence[Group], have: np.ndarray, what: str, kinds: Sequence[str] = ()) -> str:
        """Why fewer than two groups can be compared, by the group that comes nearest; "" if two can. kinds: what each
        group has so few of."""
        if (have >= LEAST).sum() >= 2:
            return ""
        near = [g for g, n in enumerate(have.tolist()) if n < LEAST]
        if not near:
            return "there is only one group; you need another"
        g = max(near, key=lambda g: int(have[g]))
        n, kind = int(have[g]), f" {kinds[g]}" if kinds else ""
        least = f"{self._count(LEAST)} {what}".strip()
        return (
            f"fewer than two groups have {least}; nearest is {groups[g].name} with {n}{kind}, where you need "
            f"{LEAST - n} more"
        )

    # The numbers

    def compare(self, points: Sequence[str]) -> Compared:
        if len(self.groups) >= 2:
            self._answers()
            self._by_class()
            self._over_classes()
            self._malignant(points)
        else:
            for metric in ("gap_accuracy", "nar", "pqd", "dpm", "eom", "eod", "equalized_odds"):
                self._missing(metric, None, self.few)
        fairness = Fairness(
            attribute=self.name,
            compared=[g.name for g in self.groups],
            left_out=self.left_out,
            measured=[d for d, _ in self.found],
            tests=self.tests,
        )
        return Compared(fairness, [draws for _, draws in self.found])

    def _answers(self) -> None:
        everyone, every = np.ones(len(self.sample), bool), range(len(self.groups))
        accuracy = self._values("accuracy", every)
        self._gap_and_worst("accuracy", None, every, accuracy, everyone)
        self._equity("accuracy", None, every, accuracy, self.cells.values([self.whole], "accuracy")[0], "")
        self._test("accuracy", None, every, accuracy)
        mean = accuracy.mean(0)
        low, high = disparity.spread_bounds(accuracy[:, :1], accuracy[:, 1:])
        level = 2 * mean[0] - mean[1:] + 1e-6  # the mean reflected: how far the truth may lie the other way
        ends = self._ends(accuracy, "accuracy", every)
        self._add("nar", None, disparity.nar(accuracy), low / level, high / level, two=True, ends=ends)
        ratio = disparity.ratio_bounds(accuracy[:, :1], accuracy[:, 1:])
        self._add("pqd", None, disparity.pqd(accuracy), *ratio, ends=ends)
        if self.sample.task == "multi-class":
            self._gap_and_worst("ece", None, every, self._values("ece", every), everyone)
        if self.sample.has_set.any():
            self._cell("coverage", None, self.sample.has_set, "with an answer set")
        self._dpm()

    def _dpm(self) -> None:
        sample = self.sample
        said = [sample.units_in(self.all_rows & (sample.predicted == k)) for k in range(len(sample.classes))]
        kept = [k for k, n in enumerate(said) if n >= LEAST]
        if not kept:
            n = max(said)
            why = f"no class is answered for {self._count(LEAST)}; nearest has {n}, so you need {LEAST - n} more"
            self._missing("dpm", None, why)
            return
        called = self._of_classes(CALLED, kept)
        low, high = disparity.ratio_bounds(called[..., :1], called[..., 1:])
        remark = self._over(kept, "answered too rarely")
        self._add("dpm", None, disparity.dpm(called), low.mean(0), high.mean(0), remark=remark)

    def _by_class(self) -> None:
        for k, info in enumerate(self.sample.classes):
            case = self.sample.target == k
            self._cell("sensitivity", info.code, case, f"of class {info.code}", worst=False)
            what = f"of classes other than {info.code}"
            self._cell("false_positive_rate", info.code, ~case, what, worst=False)

    def _over_classes(self) -> None:
        """Averages over the classes that every compared group has enough units of."""
        every = range(len(self.groups))
        kept = np.flatnonzero(self.found_in_all).tolist()
        both = np.flatnonzero(self.ranked_in_all).tolist()
        if kept:
            why = f"with under {self._count(LEAST)} in a group"
            sensitivity = self._of_classes("sensitivity", kept)
            remark = self._over(kept, why)
            low, high = disparity.spread_bounds(sensitivity[..., :1], sensitivity[..., 1:])
            self._add("eod", None, disparity.eod(sensitivity), low.mean(0), high.mean(0), remark=remark)
            self._eom(sensitivity, kept, why)
            self._balanced("balanced_accuracy", sensitivity.mean(0), kept, "sensitivity", remark)
        if both:
            remark = self._over(both, f"with under {self._count(LEAST)} of it, or of others, in a group")
            auroc = np.array([self._values("auroc", every, self.sample.classes[k].code) for k in both])
            self._balanced("macro_auroc", auroc.mean(0), both, "auroc", remark)
            tpr, fpr = self._of_classes("sensitivity", both), 1 - self._of_classes("specificity", both)
            (a, b), (c, d) = (disparity.spread_bounds(v[..., :1], v[..., 1:]) for v in (tpr, fpr))
            odds = disparity.equalized_odds(tpr, fpr)
            self._add("equalized_odds", None, odds, np.maximum(a, c).mean(0), np.maximum(b, d).mean(0), remark=remark)
        for metrics, held, others in (
            (("eod", "eom", "gap_balanced_accuracy"), kept, None),
            (("equalized_odds", "gap_macro_auroc"), both, self.others),
        ):
            for metric in () if held else metrics:
                self._missing(metric, None, self._no_class(self.cases, others))
        self._light_dark()

    def _eom(self, sensitivity: Floats, kept: Sequence[int], why: str) -> None:
        """A class that nobody recognises in any group has the ratio 0 / 0, and is left out too."""
        seen = sensitivity[:, :, 0].max(1) > 0
        if not seen.any():
            self._missing("eom", None, "no class is recognised in any group, so there is no ratio")
            return
        remark = self._over(np.array(kept)[seen].tolist(), f"{why}, or never recognised")
        low, high = disparity.ratio_bounds(sensitivity[seen, :, :1], sensitivity[seen, :, 1:])
        self._add("eom", None, disparity.eom(sensitivity[seen]), low.mean(0), high.mean(0), remark=remark)

    def _balanced(self, metric: str, values: Floats, kept: Sequence[int], of: str, remark: str) -> None:
        """A mean over classes, of the same classes in every group."""
        every = range(len(self.groups))
        codes = [self.sample.classes[k].code for k in kept]
        overall = np.mean([self.cells.values([self.whole], of, code)[0] for code in codes], axis=0)
        self._gap_and_worst(metric, None, every, values, np.ones(len(self.sample), bool), remark)
        self._equity(metric, None, every, values, overall, remark)
        self._test(metric, None, every, values)

    def _malignant(self, points: Sequence[str]) -> None:
        if not is_two_way(self.sample.classes):
            return
        who, dropped, few = self.sides
        if few:
            self._missing("gap_auroc", MALIGNANT, few, self.sick | self.well)
        else:
            auroc = self._values("auroc", who, MALIGNANT)
            overall = self.cells.values([self.two_way_whole], "auroc", MALIGNANT)[0]
            self._gap_and_worst("auroc", MALIGNANT, who, auroc, self.sick | self.well, dropped)
            self._equity("auroc", MALIGNANT, who, auroc, overall, dropped)
            self._test("auroc", MALIGNANT, who, auroc)
        for name in points:
            self._cell(f"sensitivity_at_point_{name}", MALIGNANT, self.sick, "that are malignant")
            self._cell(f"specificity_at_point_{name}", MALIGNANT, self.well, "that are benign")

    def _tones(self, known: Sequence[Group]) -> tuple[int, int, Bools] | None:
        """Light and dark skin as parts, and the classes of which both have enough."""
        if self.name != TONES:
            return None
        sides = [np.any([g.rows for g in known if g.name in side], axis=0) for side in (LIGHT, DARK)]
        if not all(np.any(rows) for rows in sides):
            return None
        cases = [
            [self.sample.units_in(rows & (self.sample.target == k)) for rows in sides] for k in range(len(self.cases))
        ]
        self.tone_cases = np.array(cases)
        light, dark = (self.cells.add(rows, (), False) for rows in sides)
        return light, dark, (self.tone_cases >= LEAST).all(1)

    def _light_dark(self) -> None:
        if self.tones is None:
            return
        light, dark, enough = self.tones
        kept = np.flatnonzero(enough).tolist()
        sides = "Fitzpatrick I-III against IV-VI"
        if not kept:
            self._missing("eod_light_dark", None, self._no_class(self.tone_cases, names=("I-III", "IV-VI")))
            return
        codes = [self.sample.classes[k].code for k in kept]
        values = np.array([self.cells.values([light, dark], "sensitivity", code) for code in codes])
        low, high = disparity.spread_bounds(values[..., :1], values[..., 1:])
        over = self._over(kept, f"with under {self._count(LEAST)} on a side")
        remark = "; ".join(filter(None, (sides, over)))
        self._add("eod_light_dark", None, disparity.eod(values), low.mean(0), high.mean(0), remark=remark)

    # Putting them together

    def _values(self, metric: str, who: Sequence[int], code: str | None = None) -> Floats:
        parts = [self.parts[g] for g in who]
        if metric == "false_positive_rate":
            return 1 - self.cells.values(parts, "specificity", code)
        return self.cells.values(parts, metric, code)

    def _of_classes(self, metric: str, classes: Sequence[int]) -> Floats:
        every = range(len(self.groups))
        return np.array([self._values(metric, every, self.sample.classes[k].code) for k in classes])

    def _who(self, have: np.ndarray, what: str, kinds: Sequence[str] = ()) -> tuple[list[int], str, str]:
        """Groups with enough of `what`; a remark on those without; and why nobody is compared, or "". kinds: what each
        group has fewest of."""
        who = np.flatnonzero(have >= LEAST).tolist()
        short = [
            f"{self.groups[g].name} ({n}{f' {kinds[g]}' if kinds else ''})"
            for g, n in enumerate(have.tolist())
            if n < LEAST
        ]
        least = f"{self._count(LEAST)} {what}".strip()
        return (
            who,
            f"without groups under {least}: {_some(short)}" if short else "",
            self._too_few(self.groups, have, what, kinds),
        )

    def _over(self, kept: Sequence[int], why: str) -> str:
        classes = self.sample.classes
        lost = [c.code for k, c in enumerate(classes) if k not in kept]
        return f"over {len(kept)} of {len(classes)} classes ({_some(lost)} dropped: {why})" if lost else ""

    def _no_class(self, cases: np.ndarray, others: np.ndarray | None = None, names: Sequence[str] | None = None) -> str:
        """Why no class can be averaged, by the class that lacks least. others: units of the other classes, where those
        are needed too."""
        names = names or [g.name for g in self.groups]
        counts = cases if others is None else np.minimum(cases, others)
        missing = np.maximum(LEAST - counts, 0)
        k = int(missing.sum(1).argmin())
        g = int(missing[k].argmax())
        code, least = self.sample.classes[k].code, self._count(LEAST)
        if others is not None and others[k, g] < cases[k, g]:  # it is not the class itself that is scarce there
            had = f"where {names[g]} has {others[k, g]} of other classes"
        else:
            had = f"of which {names[g]} has {cases[k, g]}"
        also = "" if others is None else f", and {LEAST} of others,"
        return f"no class has {least}{also} in every group; nearest is {code}, {had} and you need {missing[k, g]} more"

    def _cell(self, metric: str, code: str | None, mask: Bools, what: str, *, worst: bool = True) -> None:
        """Gap and, if wished, worst group of a share among the rows of a mask."""
        who, dropped, few = self._who(self._units(mask), what)
        if few:
            self._missing(f"gap_{metric}", code, few, mask)
        else:
            self._gap_and_worst(metric, code, who, self._values(metric, who, code), mask, dropped, worst=worst)

    def _ends(self, values: Floats, metric: str, who: Sequence[int]) -> tuple[str, str]:
        """Names of the worst and the best group."""
        low, high = (self.groups[who[int(i)]].name for i in (values[:, 0].argmin(), values[:, 0].argmax()))
        return (high, low) if metric in _LOWER_IS_BETTER else (low, high)

    def _gap_and_worst(
        self,
        metric: str,
        code: str | None,
        who: Sequence[int],
        values: Floats,
        mask: Bools,
        remark: str = "",
        *,
        worst: bool = True,
    ) -> None:
        ends = self._ends(values, metric, who)
        rows = self.rows[list(who)].any(0) & mask
        low, high = disparity.spread_bounds(values[:, :1], values[:, 1:])
        self._add(f"gap_{metric}", code, disparity.gap(values), low, high, remark=remark, ends=ends, rows=rows)
        if not worst:
            return
        pick, which = (np.max, np.argmax) if metric in _LOWER_IS_BETTER else (np.min, np.argmin)
        extreme: Floats = pick(values, axis=0)
        drift = values[:, 1:] - values[:, :1]
        drawn = values[:, 1:][:, np.isfinite(values[:, 1:]).all(0)]
        share = float((which(drawn, axis=0) == which(values[:, 0])).mean()) if drawn.size else float("nan")
        said = f"{ends[0]}" + (f", the worst in {100 * share:.0f} % of the resamples" if share == share else "")
        low, high = np.clip([extreme[0] - drift.max(0), extreme[0] - drift.min(0)], 0.0, 1.0)
        said = "; ".join(filter(None, (said, remark)))
        some = bool(remark)
        self._add(f"worst_{metric}", code, extreme, low, high, two=True, remark=said, ends=ends, rows=rows, some=some)

    def _equity(
        self, metric: str, code: str | None, who: Sequence[int], values: Floats, overall: Floats, remark: str
    ) -> None:
        """Both forms. The overall value is reflected in the bounds: the truth may lie as far on its other side."""
        ends = self._ends(values, metric, who)
        apart = values - overall
        level = np.clip(2 * overall[0] - overall[1:], 0.0, 1.0)
        for form, scaled, spread, of in (
            ("es", disparity.equity_scaled(overall, values), disparity.sum_of_gaps, apart),
            ("es_sd", disparity.equity_scaled_sd(overall, values), disparity.sample_sd, values),
        ):
            low, high = disparity.spread_bounds(of[:, :1], of[:, 1:], spread)
            name = f"{form}_{metric}"
            self._add(name, code, scaled, level / (1 + high), level / (1 + low), two=True, remark=remark, ends=ends)

    def _test(self, metric: str, code: str | None, who: Sequence[int], values: Floats) -> None:
        """Every pair of groups, adjusted for their number."""
        made = []
        for a, b in combinations(range(len(who)), 2):
            apart = values[a] - values[b]
            units = self.sample.units_in(self.rows[who[a]] | self.rows[who[b]])
            found = interval(apart[1:], self.level)
            p = p_value(float(apart[0]), apart[1:], units - 2)
            known = p is not None and not isinstance(found, str)
            test = GroupTest(
                metric=metric,
                class_code=code,
                group=self.groups[who[a]].name,
                other=self.groups[who[b]].name,
                difference=float(apart[0]),
                low=found[0] if known else None,
                high=found[1] if known else None,
                p=p if known else None,
                reason="" if known else found if isinstance(found, str) else "the resamples don't vary",
            )
            made.append(test)
        p_values = [t.p for t in made if t.p is not None]
        adjusted = iter(zip(holm(p_values), benjamini_hochberg(p_values), strict=True))
        for t in made:
            h, b_h = next(adjusted) if t.p is not None else (None, None)
            self.tests.append(t.model_copy(update={"p_holm": h, "p_bh": b_h}))

    def _missing(self, metric: str, code: str | None, reason: str, mask: Bools | None = None) -> None:
        nothing = np.full(1, np.nan)
        self._add(metric, code, nothing, nothing, nothing, remark=reason, rows=mask)

    def _add(
        self,
        metric: str,
        code: str | None,
        values: Floats,
        low: Floats,
        high: Floats,
        *,
        two: bool = False,
        remark: str = "",
        ends: tuple[str | None, str | None] = (None, None),
        rows: Bools | None = None,
        some: bool = False,
    ) -> None:
        """Report a disparity: values, (1 + resamples), its point first; low, high: bounds in each resample.

        two: whether a level is in it beside the spread, so that it can miss the truth on both sides.
        """
        rows = self.all_rows if rows is None else rows & self.all_rows
        value = float(values[0]) if np.isfinite(values[0]) else None
        ends_of: tuple[float | None, float | None] = (None, None)
        reasons = [remark] if remark else []
        if value is not None:
            level = self.level if two else 2 * self.level - 1
            below, above = interval(low, level), interval(high, level)
            if isinstance(below, str) or isinstance(above, str):
                reasons.append(below if isinstance(below, str) else str(above))
            elif below[0] == above[1]:
                reasons.append("the resamples don't vary, so they say nothing of its uncertainty")
            else:
                most = above[1] if metric == "nar" else min(above[1], 1.0)  # all but the range over a mean are in 0..1
                ends_of = min(below[0], value), max(most, value)
        elif not reasons:
            reasons.append("no group has a value above 0 to compare with")
        found = Disparity(
            metric=metric,
            class_code=code,
            attribute=self.name,
            value=value,
            low=ends_of[0],
            high=ends_of[1],
            n=int(rows.sum()),
            n_units=self.sample.units_in(rows),
            unit=self.sample.unit_name,
            status="not estimable" if value is None else "ok",
            reason="; ".join(reasons),
            worst=ends[0] if value is not None else None,
            best=ends[1] if value is not None else None,
            some=some,
        )
        self.found.append((found, values[1:]))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
