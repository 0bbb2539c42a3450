"""Confirmed cases that look like a picture to the model; never the same patient's, nor the same picture."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.files import sha256_text
from cutis.image import hashing
from cutis.schema.licence import licence
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS
from cutis.serve.inference.confirmed import confirmed_rows, file_name
from cutis.serve.kinds import Neighbour, Refused
from cutis.serve.store.pictures import make_private
from cutis.tables import read_parquet

SAME_BITS = 10  # of 64: hashes that differ in no more may be the same photograph


class Similar:
    """The search over one dataset with one bundle's features.

    cache: folder of the table that is searched; where it isn't there yet, a process of its own builds it meanwhile.
    done, of: how far it is. failed: why there is none, or None. Raises CutisError for a dataset that can't be read.
    """

    def __init__(self, bundle: Bundle, dataset: Path, cache: Path) -> None:
        self.data = Dataset.load(dataset)
        self._rows = confirmed_rows(self.data)
        ids, files = self._rows["image_id"], self._rows["file"]
        self._files = {self._name(image_id): file for image_id, file in zip(ids, files, strict=True)}
        self._bundle = bundle
        self._file = cache / file_name(bundle.digest, self.data.card.digest)
        self._ready: tuple[pl.DataFrame, np.ndarray] | None = None
        self._builder: subprocess.Popen[str] | None = None
        self._closed = False
        self.done, self.of = 0, len(self._rows)
        self.failed: str | None = None
        self._preparing = threading.Thread(target=self._prepare, name="similar", daemon=True)
        self._preparing.start()

    @property
    def built(self) -> bool:
        return self._ready is not None

    def wait(self, seconds: float | None = None) -> None:
        """Until it is built or has failed."""
        self._preparing.join(seconds)

    def close(self) -> None:
        self._closed = True
        if self._builder is not None:
            self._builder.terminate()
        self._preparing.join()

    def find(
        self,
        features: np.ndarray,
        *,
        patients: Collection[str] = (),
        lesions: Collection[str] = (),
        digests: Collection[str] = (),
        hashes: np.ndarray | None = None,
        most: int = 6,
    ) -> list[Neighbour]:
        """The confirmed cases most like `features` (float32 (d,), of length one), one a lesion, most alike first.

        Left out are images of these patients and lesions, of these SHA-256 digests, and those whose hash is near one of
        `hashes` (uint64, any shape, by `near_hash`); and with each of them all images of its patient and lesion.
        Raises Refused, 503, while the search is being prepared.
        """
        if self._ready is None:
            raise Refused(503, self.failed or "the confirmed cases are being looked through. Try again.", retry_after=5)
        rows, vectors = self._ready
        if not len(rows):
            return []
        out = rows.select(
            pl.col("patient_id").is_in(list(patients))
            | pl.col("lesion_id").is_in(list(lesions))
            | pl.col("sha256").is_in(list(digests))
        ).to_series()
        left_out = out.fill_null(value=False).to_numpy().copy()
        if hashes is not None:
            own = rows["hash"].to_numpy()
            for one in np.unique(hashes):
                left_out |= hashing.distance(own, one) <= SAME_BITS
        for column in ("patient_id", "lesion_id"):
            whole = rows[column].filter(pl.Series(left_out)).drop_nulls().unique().to_list()
            left_out |= rows[column].is_in(whole).fill_null(value=False).to_numpy()
        likeness = np.where(left_out, -np.inf, vectors @ features)
        found: list[Neighbour] = []
        seen: set[str] = set()
        for i in np.argsort(-likeness, kind="stable"):
            if len(found) >= most or left_out[i]:
                break
            row = rows.row(int(i), named=True)
            if row["lesion_id"] is not None and row["lesion_id"] in seen:
                continue
            seen.add(row["lesion_id"])
            found.append(self._neighbour(row, float(likeness[i])))
        return found

    def image(self, name: str) -> Path:
        """The file of a confirmed image by its name in addresses. Raises Refused, 404."""
        found = self._files.get(name)
        path = Path(self.data.path, found).resolve() if found is not None else None
        if path is None or not path.is_relative_to(self.data.path.resolve()) or not path.is_file():
            raise Refused(404, "no such confirmed image.")
        return path

    def _name(self, image_id: str) -> str:
        """In addresses: a dataset of a clinic's own may have ids that belong to people."""
        return sha256_text(f"{self.data.card.digest} {image_id}")[:24]

    def _neighbour(self, row: dict[str, Any], likeness: float) -> Neighbour:
        names = {c.code: c.name for c in self.data.card.classes}
        named = DIAGNOSIS_COLUMNS[2:]  # the two above are benign or malignant, and a family
        finest = next((row[c] for c in reversed(named) if row[c]), None)
        card = next((p for p in self._parts() if p.name == row.get("source_dataset")), self.data.card)
        stated = dict.fromkeys(licence(name).name for name in (row["copyright_license"] or card.licence, card.licence))
        unstated = licence(None).name
        if len(stated) > 1:
            stated.pop(unstated, None)
        return Neighbour(
            row["image_id"],
            self._name(row["image_id"]),
            row["lesion_id"],
            row["target"],
            finest or names[row["target"]],
            min(1.0, likeness),
            row["diagnosis_confirm_type"],
            "; ".join(stated),
            row["attribution"] or card.attribution,
        )

    def _parts(self) -> tuple[Any, ...]:
        return self.data.card.merged.parts if self.data.card.merged else ()

    def _prepare(self) -> None:
        """In a thread: build the table if need be, then hold it."""
        try:
            if not self._file.is_file():
                self._build()
            if self._file.is_file():
                table = read_parquet(self._file)
                known = table.select("image_id", "hash")
                rows = known.join(self._rows, on="image_id", how="left", maintain_order="left")
                self._ready = rows, table["vector"].to_numpy()
        except (OSError, pl.exceptions.PolarsError) as error:
            self.failed = f"{self._file}: can't be used ({type(error).__name__}). Remove it and start again."
        if self._ready is None and self.failed is None and not self._closed:
            self.failed = "the confirmed cases could not be looked through. The server's log says why."

    def _build(self) -> None:
        make_private(self._file.parent)
        module, runtime = "cutis.serve.inference.confirmed", self._bundle.runtime.name
        command = [sys.executable, "-m", module, self._bundle.path, self.data.path, self._file, runtime]
        self._builder = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        if self._closed:
            self._builder.terminate()
        with self._builder as builder:
            assert builder.stdout is not None
            for line in builder.stdout:
                self.done, self.of = map(int, line.split())
