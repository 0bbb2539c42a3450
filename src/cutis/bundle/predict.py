"""A loaded bundle, and the one way from an image to an answer: decode, infer, calibrate, set, refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from cutis.bundle.calibrate import knn_distance
from cutis.bundle.card import BundleCard
from cutis.bundle.gate import graded, thresholds
from cutis.bundle.runtime import Runtime
from cutis.bundle.sources import Source, gather
from cutis.bundle.stream import BATCH, Chunk, stream
from cutis.data.dataset import Dataset
from cutis.evaluate import calibrators
from cutis.evaluate.conformal import answer_sets
from cutis.progress import silent, track
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
    """A verified bundle, ready to predict. bank: (m, d) float32 unit training features, None without OOD statistics."""

    path: Path
    card: BundleCard
    runtime: Runtime
    bank: np.ndarray | None

    @property
    def digest(self) -> str:
        return self.card.digest

    @property
    def codes(self) -> list[str]:
        return [c.code for c in self.card.classes]

    def run(self, images: np.ndarray, batch: int = BATCH) -> tuple[np.ndarray, np.ndarray]:
        """Raw logits (n, classes) and features (n, d), float32, of uint8 (n, size, size, 3) RGB images."""
        return self.runtime.run(images, batch)

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

    def _look(self) -> Callable[[np.ndarray], list[str]]:
        """What the gate says of a picture: "code: advice" of each fault."""
        assert self.card.gate is not None
        limits = thresholds(self.card.gate)
        return lambda pixels: [f"{r.code}: {r.advice}" for r in graded(pixels, limits).reasons()]

    def _take(self, chunk: Chunk, out: _Outputs) -> range:
        span = slice(chunk.start, chunk.start + len(chunk.logits))
        out.logits[span] = chunk.logits
        if self.bank is not None and self.card.ood is not None:
            out.strange[span] = knn_distance(chunk.features, self.bank, self.card.ood.k)
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
                    f"unlike the training images: distance {strange[i]:.3f} to the nearest {card.ood.k} is above "
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
