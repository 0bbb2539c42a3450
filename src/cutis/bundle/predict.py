"""A loaded bundle, and the one way from an image to an answer: decode, infer, calibrate, set, refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from cutis.bundle.card import BundleCard
from cutis.bundle.look import Look
from cutis.bundle.ood import SCORES, Settings, available
from cutis.bundle.ood.knn import normalise_rows
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.reasons import REFUSALS
from cutis.bundle.runtime import Runtime
from cutis.bundle.sources import Source, gather
from cutis.bundle.stream import BATCH, Chunk, stream
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.evaluate import calibrators
from cutis.evaluate.conformal import answer_sets
from cutis.files import without_paths
from cutis.image.decode import Picture
from cutis.progress import Progress, silent, track
from cutis.schema.classes import ClassInfo
from cutis.schema.performance import NEVER, Performance
from cutis.schema.predictions import Predictions, PredictionsInfo

# The threshold is one validation image's score, and sums in another order move a score by less than this, relative and
# absolute: without it that image would be refused in one run and not in another.
_SAME = 1e-5, 1e-6
_SENSELESS = "the network gives no number for this picture"
_IDENTITY = ("image_id", "lesion_id", "patient_id", "source", "target")


@dataclass
class _Outputs:
    """Of all files, by their number. errors: why unreadable. faults: what the gate says of the picture, if anything."""

    logits: np.ndarray
    strange: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)
    faults: dict[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Judged:
    """Of n pictures: calibrated p (n, classes) float64, `first` int (n,) the most probable class, and what is said."""

    p: np.ndarray
    first: np.ndarray
    sets: list[list[str] | None]
    status: list[str]
    reasons: list[str | None]


@dataclass(frozen=True)
class Told:
    """What a bundle says of one picture in memory: the fields of a row of predictions, but for its identity.

    answer_set: codes, most probable first; None if the bundle has no sets. ood: None if it has no such score.
    features: float32 (d,), of length one.
    """

    status: str
    reason: str | None
    predicted: str
    answer_set: list[str] | None
    probabilities: dict[str, float]
    ood: float | None
    features: np.ndarray


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, ready to predict. known: what its out-of-distribution scores know of the training images.
    measured: what was measured of it on images that it hadn't learned from (`cutis.bundle.measured`)."""

    path: Path
    card: BundleCard
    runtime: Runtime
    known: Statistics
    measured: tuple[Performance, ...] = ()

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
        return self.probabilities(images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, (n, classes) float64, of uint8 (n, size, size, 3) RGB images."""
        return calibrators.apply(self.card.calibrator, self.run(images)[0])

    def look(self, *, gate: bool = True) -> Look:
        """What must be seen of a picture: see `Look.of`."""
        return Look.of(self.card, gate=gate)

    def told(
        self, images: np.ndarray, faults: Sequence[Sequence[str]], image_ids: Sequence[str] | None = None
    ) -> list[Told]:
        """What `predict` says of pictures that `Look.see` saw: uint8 (n, size, size, 3), inferred as one batch.

        faults: of each, as `Look` has them. image_ids: where sets are drawn by chance (APS, RAPS), what decides it;
        None is the SHA-256 of a picture's pixels, so that the same picture gets the same set. Sets that depend on a
        column are as if its value is unknown. Raises CutisError if the network gives what is no number.
        """
        logits, features = self.runtime.infer(np.ascontiguousarray(images))
        if not np.isfinite(logits).all():
            raise CutisError(f"{self.path}: {_SENSELESS}.")
        strange = self._strange(logits, features)
        out = _Outputs(logits, strange, faults={i: list(why) for i, why in enumerate(faults)})
        said = self._judged(out, image_ids or [sha256(image.tobytes()).hexdigest() for image in images], ())
        unit = normalise_rows(features)
        return [
            Told(
                said.status[i],
                said.reasons[i],
                self.codes[said.first[i]],
                said.sets[i],
                dict(zip(self.codes, said.p[i].tolist(), strict=True)),
                float(strange[i]) if self.card.ood else None,
                unit[i],
            )
            for i in range(len(logits))
        ]

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
        empty (probabilities are still given, for audits); "error", if the file can't be read or the network gives no
        number for it (`reason` says why; probabilities null). reason of a refusal: one or several, in this order,
        joined by "; ", each a code, a colon, and what to do or the numbers: "too blurred: Hold the phone steady, ...".
        Raises CutisError if there is nothing to predict.
        """
        rows = gather(source, part, self.card)
        paths = rows.paths()
        n, k = len(paths), len(self.codes)
        out = _Outputs(np.full((n, k), np.nan, np.float32), np.full(n, np.nan))
        gated = gate and self.card.gate is not None
        look = self.look().faults if gated else None
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
                values[chunk.start + readable] = self._score(name, chunk.logits, chunk.features)[readable]
            return range(len(chunk.logits))

        steps = (i for chunk in stream(paths, self.runtime, self.card.preprocessing, batch=batch) for i in take(chunk))
        with threadpool_limits(1, user_api="blas"):
            for _ in progress(steps, len(paths), "scores"):
                pass
        columns = [pl.Series(name, values, pl.Float64()).fill_nan(None) for name, values in found.items()]
        return rows.rows.select("image_id", *columns)

    def _score(self, name: str, logits: np.ndarray, features: np.ndarray) -> np.ndarray:
        ood = self.card.ood
        settings = Settings(ood.k, ood.temperature) if ood else Settings()
        return SCORES[name].compute(logits, features, self.known, settings)

    def _strange(self, logits: np.ndarray, features: np.ndarray) -> np.ndarray:
        """The score by which this bundle refuses, (n,); NaN if it has none."""
        ood = self.card.ood
        return self._score(ood.method, logits, features) if ood else np.full(len(logits), np.nan)

    def _check_score(self, name: str) -> None:
        if name not in SCORES:
            raise CutisError(f'score "{name}": {nearest(name, SCORES)}')
        if lacking := self.known.lacks(SCORES[name].needs):
            raise CutisError(
                f"{self.path}: no score {name}, as the bundle holds no {lacking[0]} of its training images. Fit it on "
                f"the dataset that it learned from, {self.card.dataset}: cutis calibrate {self.path} DATASET --out NEW "
                f"--ood {name}"
            )

    def _take(self, chunk: Chunk, out: _Outputs) -> range:
        span = slice(chunk.start, chunk.start + len(chunk.logits))
        out.logits[span] = chunk.logits
        out.strange[span] = self._strange(chunk.logits, chunk.features)
        for place in np.flatnonzero(~np.isfinite(chunk.logits).all(1)).tolist():
            out.errors[chunk.start + place] = _SENSELESS
        for place, reason in chunk.reasons.items():
            out.errors[chunk.start + place] = reason
        for place, faults in chunk.looks.items():
            out.faults[chunk.start + place] = faults
        return range(span.start, span.stop)

    def _judged(self, out: _Outputs, image_ids: Sequence[str], groups: Sequence[str | None]) -> _Judged:
        """Calibrate, make sets, refuse. groups: values of the column that sets depend on; () if not known."""
        card, codes = self.card, np.array(self.codes)
        broken = np.zeros(len(out.logits), bool)
        broken[list(out.errors)] = True
        p = calibrators.apply(card.calibrator, np.where(broken[:, None], 0, out.logits))
        order = np.argsort(-p, axis=1, kind="stable")
        member = answer_sets(p, image_ids, self.codes, card.conformal, groups) if card.conformal else None
        said = _Judged(p, order[:, 0], [], [], [])
        most = card.ood.threshold + _SAME[0] * abs(card.ood.threshold) + _SAME[1] if card.ood else np.inf
        for i in range(len(p)):
            if broken[i]:
                said.sets.append(None)
                said.status.append("error")
                said.reasons.append(out.errors[i])
                continue
            inside = None if member is None else [str(codes[c]) for c in order[i] if member[i, c]]
            why = list(out.faults.get(i, ()))
            if card.ood and not out.strange[i] <= most:  # what isn't a number is strange
                score, value = SCORES[card.ood.method].words, out.strange[i]
                why.append(
                    REFUSALS.say("unlike_the_training_images", score=score, value=value, limit=card.ood.threshold)
                )
            if inside == [] and card.conformal:
                why.append(REFUSALS.say("no_class_is_likely_enough", coverage=card.conformal.coverage, most=p[i].max()))
            said.sets.append(inside)
            said.status.append("refused" if why else "ok")
            said.reasons.append("; ".join(why) or None)
        return said

    def _table(self, rows: Source, out: _Outputs) -> pl.DataFrame:
        table, rule = rows.rows, self.card.conformal
        # A folder of images has no such column: then as if every value is unknown.
        groups = table[rule.by].cast(pl.String).to_list() if rule and rule.by in table.columns else ()
        said = self._judged(out, table["image_id"].to_list(), groups)
        broken = np.zeros(len(table), bool)
        broken[list(out.errors)] = True

        def column(values: np.ndarray, dtype: pl.DataType) -> pl.Series:
            return pl.Series(np.where(broken, np.nan, values), dtype=pl.Float64()).fill_nan(None).cast(dtype)

        attributes = [c for c in table.columns if c not in _IDENTITY]
        predicted = pl.Series(np.array(self.codes)[said.first].tolist(), dtype=pl.String())
        return table.select(
            *_IDENTITY,
            predicted.set(pl.Series(broken), None).alias("predicted"),
            *(column(said.p[:, j], pl.Float64()).alias(f"p_{c}") for j, c in enumerate(self.codes)),
            pl.Series("set", said.sets, pl.List(pl.String())),
            column(out.strange, pl.Float64()).alias("ood"),
            pl.Series("status", said.status, pl.String()),
            pl.Series("reason", said.reasons, pl.String()),
            *attributes,
            *(column(out.logits[:, j], pl.Float32()).alias(f"logit_{c}") for j, c in enumerate(self.codes)),
        )

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
            trained={"backbone": card.backbone, "method": card.method, **without_paths(card.trained)},
            images=str(rows.images),
            precision=self.runtime.precision,
            calibrated_on=card.calibrated_on,
            measured=tuple(f"Measured on {p.words()}." for p in self.measured) or (NEVER,),
            limits=(*card.limits, *rows.limits, *reduced, *ungated),
        )
