"""What the scores know of the training images: a few moments and some features, as they lie in ood.safetensors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cutis.errors import CutisError

_WHOLE = ("counts", "kept")  # whole numbers

# SciPy is imported where it is used: k-NN needs none of it, and a server that starts waits for what it imports.


@dataclass(frozen=True)
class Gaussians:
    """Means (c, d) that share a covariance, held as its lower Cholesky factor (d, d)."""

    means: np.ndarray
    factor: np.ndarray

    def squared(self, features: np.ndarray) -> np.ndarray:
        """(n, c) squared Mahalanobis distances of features (n, d) to each mean."""
        from scipy.spatial.distance import cdist

        found: np.ndarray = cdist(self._whitened(features), self._white_means, "sqeuclidean")
        return found

    @cached_property
    def _white_means(self) -> np.ndarray:
        return self._whitened(self.means)

    def _whitened(self, rows: np.ndarray) -> np.ndarray:
        from scipy.linalg import solve_triangular

        white: np.ndarray = solve_triangular(self.factor, rows.astype(np.float64).T, lower=True)
        return white.T


@dataclass(frozen=True)
class Statistics:
    """Of c classes and d features; a field is a tensor of ood.safetensors of the same name, or None if it isn't there.

    features: (m, d) float32, some training images' features, of length one. All others are of raw features, of every
    training image that was fitted on, float64: counts: (c,) int64 images a class; means: (c, d) of the classes;
    covariance: (d, d) of one class, shared (maximum likelihood); shrinkage: (1,) its share that gives way to a
    sphere. origin: (d,) where the head's logits vanish; kept: (1,) int64, how many leading directions about it are
    principal; alpha: (1,) scale of the virtual logit. What the scores need beyond these follows from them.
    """

    features: np.ndarray | None = None
    counts: np.ndarray | None = None
    means: np.ndarray | None = None
    covariance: np.ndarray | None = None
    shrinkage: np.ndarray | None = None
    origin: np.ndarray | None = None
    kept: np.ndarray | None = None
    alpha: np.ndarray | None = None

    @classmethod
    def load(cls, path: Path) -> Statistics:
        """From a file that holds any of the fields."""
        return cls.read(path.read_bytes(), str(path))

    @classmethod
    def read(cls, content: bytes, where: str) -> Statistics:
        """From such a file's bytes. Raises CutisError, naming `where`, if they are none."""
        from safetensors.numpy import load

        try:
            found = load(content)
        except Exception as error:  # SafetensorError, and what NumPy says to a type that it doesn't have
            raise CutisError(f"{where}: not a safetensors file ({' '.join(str(error).split())[:80]}).") from None
        return cls(**{f.name: found.get(f.name) for f in fields(cls)})

    def unfit(self, classes: int, size: int) -> str:
        """Why these are no statistics of so many classes and features, or ""."""
        one, square = (1,), (size, size)
        wanted: dict[str, tuple[int | None, ...]] = {
            **{"features": (None, size), "counts": (classes,), "means": (classes, size), "covariance": square},
            **{"shrinkage": one, "origin": (size,), "kept": one, "alpha": one},
        }
        for name, value in self._present().items():
            shape = wanted[name]
            if value.ndim != len(shape) or any(w not in (None, v) for v, w in zip(value.shape, shape, strict=True)):
                return f"{name} is {value.shape}, which doesn't fit {classes} classes and {size} features"
            kind = "i" if name in _WHOLE else "f"
            if value.dtype.kind != kind or not np.isfinite(value).all() or (kind == "i" and value.min() < 0):
                return f"{name} holds what is no such number"
        if self.counts is not None and not self.counts.any():
            return "counts has no image"
        if self.kept is not None and self.kept.item() > size:
            return f"kept is {self.kept.item()} of {size} directions"
        return ""

    def save(self, path: Path) -> None:
        from safetensors.numpy import save

        path.write_bytes(save({name: np.ascontiguousarray(value) for name, value in self._present().items()}))

    def lacks(self, needed: tuple[str, ...]) -> list[str]:
        """Those of the fields that are not there."""
        return [name for name in needed if getattr(self, name) is None]

    def given(self, name: str) -> Any:
        """A field that a score needs; `SCORES` say which, and it is asked before (`lacks`)."""
        value = getattr(self, name)
        assert value is not None, name
        return value

    @cached_property
    def within_classes(self) -> Gaussians:
        """The classes that have images, with the shared covariance."""
        seen = self.given("counts") > 0
        return Gaussians(self.given("means")[seen], self._factor(self.given("covariance")))

    @cached_property
    def of_all(self) -> Gaussians:
        """All training images as one, with their covariance."""
        mean, covariance = self._all
        return Gaussians(mean[None], self._factor(covariance))

    def residual(self, features: np.ndarray) -> np.ndarray:
        """(n,) how long features (n, d) are, seen from the origin, outside the principal directions."""
        lengths: np.ndarray = np.linalg.norm((features - self.given("origin")) @ self._outside, axis=1)
        return lengths

    @cached_property
    def about_origin(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues (d,), rising, and eigenvectors (d, d) of the second moments of all training images there."""
        from scipy.linalg import eigh

        mean, covariance = self._all
        away = mean - self.given("origin")
        values, vectors = eigh(covariance + np.outer(away, away))
        return values, vectors

    @cached_property
    def _outside(self) -> np.ndarray:
        vectors = self.about_origin[1]
        others: np.ndarray = vectors[:, : vectors.shape[1] - self.given("kept").item()]
        return others

    @cached_property
    def _all(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of all images: the covariance within classes, and that of their means, weighted."""
        share = self.given("counts") / self.given("counts").sum()
        mean = share @ self.given("means")
        apart = self.given("means") - mean
        return mean, self.given("covariance") + (apart.T * share) @ apart

    def _factor(self, covariance: np.ndarray) -> np.ndarray:
        """Lower Cholesky factor of (1 - g) S + g tr(S)/d I, with g the shrinkage."""
        from scipy.linalg import LinAlgError, cholesky

        share = self.given("shrinkage").item()
        size = len(covariance)
        shrunk = (1 - share) * covariance + share * np.trace(covariance) / size * np.eye(size)
        try:
            factor: np.ndarray = cholesky(shrunk, lower=True)
        except LinAlgError:
            raise CutisError("the bundle's covariance of features is none. Freeze it again.") from None
        return factor

    def _present(self) -> dict[str, np.ndarray]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
