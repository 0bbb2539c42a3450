"""A loaded bundle, and the one way from an image to an answer: decode, infer, calibrate, set, refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from cutis.bundle.card import BundleCard
from cutis.bundle.gate import graded, thresholds
from cutis.bundle.ood import SCORES, Settings, available
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.runtime import Runtime
from cutis.bundle.sources import Source, gather
from cutis.bundle.stream import BATCH, Chunk, stream
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.evaluate import calibrators
from cutis.evaluate.conformal import answer_sets
from cutis.image.decode import Picture
from cutis.progress import Progress, silent, track
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo

_IDENTITY = ("image_id", "lesion_id", "patient_id", "source", "target")


@dataclass
class _Outputs:
    """Of all files, by their number. errors: why unreadable. faults: what the gate says of the picture, if anything."""

    logits: np.ndarray
    strange: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)
    faults: dict[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, ready to predict. known: what its out-of-distribution scores know of the training images."""

    path: Path
    card: BundleCard
    runtime: Runtime
    known: Statistics

    @property
    def digest(self) -> str:
        return self.card.digest

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        return self.card.classes

    @property
    def size(self) -> int:
        """Pixels on a side of what the network sees."""
        return self.card.preprocessing.size

    @property
    def codes(self) -> list[str]:
        return [c.code for c in self.classes]

    def run(self, images: np.ndarray, batch: int = BATCH) -> tuple[np.ndarray, np.ndarray]:
        """Raw logits (n, classes) and features (n, d), float32, of uint8 (n, size, size, 3) RGB images."""
        return self.runtime.run(images, batch)

    def answer(self, pictures: Sequence[Picture]) -> np.ndarray:
        """Calibrated probabilities, (n, classes) float64, of pictures in memory, as `predict` has them of files.

        What is looked at while it is changed (corruptions, counterfactuals) goes this way: no quality gate, no sets.
        """
        how = self.card.preprocessing
        images = np.stack([picture.square(how.size, constancy=how.constancy) for picture in pictures])
        return calibrators.apply(self.card.calibrator, self.run(images)[0])

    def predict(
        self,
        source: Dataset | Path | str | Sequence[Path | str],
        *,
        part: str | None = None,
        batch: int = BATCH,
        gate: bool = True,
        progress: bool = True,
    ) -> Predictions:
        """Calibrated probabilities, sets, OOD scores and refusals for every image of `source`.

        source, part: as in `cutis.bundle.sources.gather`. batch: images inferred together; results don't depend on it.
        gate: whether pictures are refused for their quality, if the bundle has a gate.

        set: codes at the bundle's coverage, most probable first. It may be empty: then no class is likely enough.
        status: "ok"; "refused", if the picture is bad or shows no skin, is unlike the training images, or its set is
        empty (probabilities are still given, for audits); "error", if the file can't be read (`reason` says why;
        probabilities null). reason of a refusal: one or several, in this order, joined by "; ", each a code, a colon,
        and what to do or the numbers: "too blurred: Hold the phone steady, ...". Raises CutisError if there is nothing
        to predict.
        """
        rows = gather(source, part, self.card)
        paths = rows.paths()
        n, k = len(paths), len(self.codes)
        out = _Outputs(np.full((n, k), np.nan, np.float32), np.full(n, np.nan))
        gated = gate and self.card.gate is not None
        look = self._look() if gated else None
        chunks = stream(paths, self.runtime, self.card.preprocessing, batch=batch, look=look)
        # The bar counts images; chunks arrive in order.
        steps = (i for chunk in chunks for i in self._take(chunk, out))
        # The little linear algebra of a chunk is quicker done than BLAS's own threads are woken, and they'd take cores.
        with threadpool_limits(1, user_api="blas"):
            for _ in (track if progress else silent)(steps, n, "predict"):
                pass
        return Predictions(self._table(rows, out), self._info(rows, gated))

    def scores(
        self,
        source: Dataset | Path | str | Sequence[Path | str],
        *,
        names: Sequence[str] | None = None,
        part: str | None = None,
        batch: int = BATCH,
        progress: Progress[int] = silent,
    ) -> pl.DataFrame:
        """image_id and one Float64 column a score of `cutis.bundle.ood.SCORES`, higher is more unlike the training
        images; null where a file can't be read. Rows are in the order of `predict`.

        source, part, batch: as in `predict`. names: which scores; None is all that this bundle's statistics allow.
        Raises CutisError for a score that is not known or that the bundle lacks something for.
        """
        chosen = available(self.known) if names is None else list(names)
        for name in chosen:
            self._check_score(name)
        rows = gather(source, part, self.card)
        paths = rows.paths()
        found = {name: np.full(len(paths), np.nan) for name in chosen}

        def take(chunk: Chunk) -> range:
            readable = np.array([i for i in range(len(chunk.logits)) if i not in chunk.reasons], np.int64)
            for name, values in found.items():
                values[chunk.start + readable] = self._strangeness(name, chunk)[readable]
            return range(len(chunk.logits))

        steps = (i for chunk in stream(paths, self.runtime, self.card.preprocessing, batch=batch) for i in take(chunk))
        with threadpool_limits(1, user_api="blas"):
            for _ in progress(steps, len(paths), "scores"):
                pass
        columns = [pl.Series(name, values, pl.Float64()).fill_nan(None) for name, values in found.items()]
        return rows.rows.select("image_id", *columns)

    def _strangeness(self, name: str, chunk: Chunk) -> np.ndarray:
        ood = self.card.ood
        settings = Settings(ood.k, ood.temperature) if ood else Settings()
        return SCORES[name].compute(chunk.logits, chunk.features, self.known, settings)

    def _check_score(self, name: str) -> None:
        if name not in SCORES:
            raise CutisError(f'score "{name}": {nearest(name, SCORES)}')
        if lacking := self.known.lacks(SCORES[name].needs):
            raise CutisError(
                f"{self.path}: no score {name}, as the bundle holds no {lacking[0]} of its training images. Fit it on "
                f"the dataset that it learned from, {self.card.dataset}: cutis calibrate {self.path} DATASET --out NEW "
                f"--ood {name}"
            )

    def _look(self) -> Callable[[np.ndarray], list[str]]:
        """What the gate says of a picture: "code: advice" of each fault."""
        assert self.card.gate is not None
        limits = thresholds(self.card.gate)
        return lambda pixels: [f"{r.code}: {r.advice}" for r in graded(pixels, limits).reasons()]

    def _take(self, chunk: Chunk, out: _Outputs) -> range:
        span = slice(chunk.start, chunk.start + len(chunk.logits))
        out.logits[span] = chunk.logits
        if self.card.ood is not None:
            out.strange[span] = self._strangeness(self.card.ood.method, chunk)
        for place, reason in chunk.reasons.items():
            out.errors[chunk.start + place] = reason
        for place, faults in chunk.looks.items():
            out.faults[chunk.start + place] = faults
        return range(span.start, span.stop)

    def _table(self, rows: Source, out: _Outputs) -> pl.DataFrame:
        card, codes = self.card, np.array(self.codes)
        logits, strange = out.logits, out.strange
        broken = np.zeros(len(logits), bool)
        broken[list(out.errors)] = True
        p = calibrators.apply(card.calibrator, np.where(broken[:, None], 0, logits))
        order = np.argsort(-p, axis=1, kind="stable")
        member = self._sets(p, rows) if card.conformal else None
        sets: list[list[str] | None] = []
        status: list[str] = []
        reasons: list[str | None] = []
        for i in range(len(p)):
            if broken[i]:
                sets.append(None)
                status.append("error")
                reasons.append(out.errors[i])
                continue
            inside = None if member is None else [str(codes[c]) for c in order[i] if member[i, c]]
            why = list(out.faults.get(i, ()))
            if card.ood and strange[i] > card.ood.threshold:
                why.append(
                    f"unlike the training images: {SCORES[card.ood.method].words} is {strange[i]:.3f}, above "
                    f"{card.ood.threshold:.3f}"
                )
            if inside == [] and card.conformal:
                why.append(
                    f"no class is likely enough for {card.conformal.coverage:.0%} coverage: the largest probability is "
                    f"{p[i].max():.3f}"
                )
            sets.append(inside)
            status.append("refused" if why else "ok")
            reasons.append("; ".join(why) or None)

        def column(values: np.ndarray, dtype: pl.DataType) -> pl.Series:
            return pl.Series(np.where(broken, np.nan, values), dtype=pl.Float64()).fill_nan(None).cast(dtype)

        attributes = [c for c in rows.rows.columns if c not in _IDENTITY]
        return rows.rows.select(
            *_IDENTITY,
            pl.Series("predicted", codes[order[:, 0]].tolist(), pl.String()).set(pl.Series(broken), None),
            *(column(p[:, j], pl.Float64()).alias(f"p_{c}") for j, c in enumerate(codes)),
            pl.Series("set", sets, pl.List(pl.String())),
            column(strange, pl.Float64()).alias("ood"),
            pl.Series("status", status, pl.String()),
            pl.Series("reason", reasons, pl.String()),
            *attributes,
            *(column(logits[:, j], pl.Float32()).alias(f"logit_{c}") for j, c in enumerate(codes)),
        )

    def _sets(self, p: np.ndarray, rows: Source) -> np.ndarray:
        rule = self.card.conformal
        assert rule is not None
        known = rule.by in rows.rows.columns  # a folder of images has no such column: then as if every value is unknown
        groups = rows.rows[rule.by].cast(pl.String).to_list() if known else ()
        return answer_sets(p, rows.rows["image_id"].to_list(), self.codes, rule, groups)

    def _info(self, rows: Source, gated: bool) -> PredictionsInfo:
        card = self.card
        reduced = (
            ()
            if self.runtime.precision == "fp32"
            else (f"Computed in {self.runtime.precision}; the bundle holds its certificate.",)
        )
        ungated = () if gated else ("No image was refused for its quality: there was no gate.",)
        return PredictionsInfo(
            classes=card.classes,
            bundle=card.digest,
            dataset=rows.dataset,
            dataset_digest=rows.dataset_digest,
            split=rows.split or {},
            part=rows.part,
            coverage=card.conformal.coverage if card.conformal else None,
            ood_threshold=card.ood.threshold if card.ood else None,
            operating_points={point.name: point.model_dump(mode="json") for point in card.operating_points},
            licence=card.licence.model_dump(mode="json"),
            trained={"backbone": card.backbone, "method": card.method, **card.trained},
            images=str(rows.images),
            limits=(*card.limits, *rows.limits, *reduced, *ungated),
        )
