"""Freeze: from a trained network to a bundle folder that is calibrated, certified and sealed with digests."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cutis import __version__
from cutis.bundle.card import BundleCard, Constancy, ParityRow, Preprocessing
from cutis.bundle.fit import MOST_TRAINING, Choice, drawn, fit, see
from cutis.bundle.limits import Limit, fields_of
from cutis.bundle.load import MODEL, OOD, PAGE, WEIGHTS, content_digest
from cutis.bundle.model_card import model_card
from cutis.bundle.runtime import Runtime, available
from cutis.data.dataset import Dataset
from cutis.data.split import Split
from cutis.errors import CutisError
from cutis.evaluate import calibrators
from cutis.files import atomic_folder, refuse_existing, sha256_file, write_json
from cutis.image.decode import BadImage, read_square
from cutis.schema.calibration import Calibrator
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import compose

if TYPE_CHECKING:
    from torch import nn

    from cutis.bundle.export import Exported

PARITY_IMAGES = 64
PARITY_BATCHES = (1, 7)
TOLERANCE = 1e-3  # of max |p - p_torch| in fp32


def freeze(
    network: nn.Module,
    out: Path | str,
    *,
    dataset: Dataset,
    split: Split,
    size: int,
    mean: Sequence[float],
    std: Sequence[float],
    flips: bool,
    backbone: str,
    method: str,
    trained: dict[str, Any],
    structure: str = "plain",
    structure_settings: Mapping[str, float | str] | None = None,
    classes: Sequence[ClassInfo] | None = None,
    weights_licence: dict[str, str] | None = None,
    choice: Choice | None = None,
    constancy: Constancy = "none",
    limits: Sequence[Limit] = (),
) -> Path:
    """Write the bundle folder `out` (all of it or nothing) and return its path.

    network: `forward_features` (n, 3, size, size) -> (n, d), `classify` (n, d) -> (n, classes); it is not changed.
    split: validation calibrates, training images (at most 20,000) make the OOD statistics; images are read from
    `dataset`, not from a cache. mean, std: of pixel / 255, one a channel. flips: average over mirror images, in the
    graph. classes: in the order of the logits; the dataset's if None. weights_licence: what -> licence id, of weights
    it started from. choice: of calibrator, sets and refusal; None is temperature, LAC at 90 % and k-NN. constancy: of
    the colours that it learned from. structure, structure_settings: by which `network` was built. trained: training
    evidence, JSON values. limits: what training has to say of it.

    Raises CutisError if `out` exists, no image can be read, or a runtime's probabilities differ from torch's by more
    than 1e-3 on real images at batch 1 or 7.
    """
    from cutis.bundle.export import Exported, export_onnx

    out = Path(out)
    refuse_existing(out)
    classes = tuple(classes or dataset.card.classes)
    exported = Exported(copy.deepcopy(network).cpu().float(), mean, std, flips).eval()
    table = dataset.usable().join(split.table.select("image_id", "group", "part"), on="image_id").sort("image_id")
    part = {name: table.filter(pl.col("part") == name) for name in ("train", "val")}
    preprocessing = Preprocessing(size=size, constancy=constancy, mean=_three(mean), std=_three(std))

    with atomic_folder(out) as folder:
        export_onnx(exported, folder / MODEL, size)
        _save_weights(network, folder / WEIGHTS)
        model = (folder / MODEL).read_bytes()
        runtime = Runtime(model)
        validation = see(dataset, part["val"], runtime, preprocessing, "calibrate", look=True)
        training = see(dataset, drawn(part["train"], MOST_TRAINING), runtime, preprocessing, "features")
        unit = split.proof.unit
        fitted = fit(validation, training, classes, unit=unit, choice=choice or Choice())
        if fitted.known.features is not None:
            fitted.known.save(folder / OOD)
        parity = _parity(exported, model, dataset, part, preprocessing, fitted.calibrator)
        files = [MODEL, WEIGHTS, *([OOD] if (folder / OOD).exists() else [])]
        card = BundleCard(
            cutis=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            backbone=backbone,
            method=method,
            structure=structure,
            structure_settings=dict(structure_settings or {}),
            classes=classes,
            preprocessing=preprocessing,
            flips=flips,
            calibrator=fitted.calibrator,
            conformal=fitted.conformal,
            ood=fitted.ood,
            gate=fitted.gate,
            operating_points=fitted.operating_points,
            licence=compose(
                {**dataset.licence.parts, **(weights_licence or {}), "Cutis code": "Apache-2.0"},
                dataset.licence.attribution,
            ),
            dataset=dataset.card.name,
            dataset_digest=dataset.card.digest,
            calibrated_on=dataset.card.name,
            split=split.proof.model_dump(mode="json"),
            trained=trained,
            parity=parity,
            **fields_of(
                (
                    *fitted.limits,
                    *limits,
                    Limit(
                        "one-dataset",
                        f"Learned and calibrated on {dataset.card.name} only: elsewhere its accuracy, calibration and "
                        "coverage are unknown until measured there.",
                    ),
                )
            ),
            files={name: sha256_file(folder / name) for name in files},
        )
        (folder / PAGE).write_text(model_card(card), encoding="utf-8")
        write_card(card.model_copy(update={"files": {**card.files, PAGE: sha256_file(folder / PAGE)}}), folder)
    return out


def write_card(card: BundleCard, folder: Path) -> None:
    """Write bundle.json with its digest brought up to date, atomically."""
    content = card.model_dump(mode="json")
    write_json(folder / "bundle.json", {**content, "digest": content_digest(content)})


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    r, g, b = (float(v) for v in values)
    return r, g, b


def _save_weights(network: nn.Module, path: Path) -> None:
    import torch
    from safetensors.torch import save

    # clone: tied tensors would share memory, which safetensors refuses
    state = {k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in network.state_dict().items()}
    path.write_bytes(save(state))  # save_file would make it readable by its owner alone


def _parity(
    exported: Exported,
    model: bytes,
    dataset: Dataset,
    part: dict[str, pl.DataFrame],
    preprocessing: Preprocessing,
    calibrator: Calibrator,
) -> tuple[ParityRow, ...]:
    """Every installed runtime against torch on real images (validation's, else training's), at batch 1 and 7."""
    import torch

    images = _real_images(dataset, part["val"], preprocessing)
    if not len(images):
        images = _real_images(dataset, part["train"], preprocessing)
    if not len(images):
        raise CutisError(f"{dataset.path}: no image of the split can be read, so the export can't be checked.")
    found = []
    with torch.inference_mode():
        chunks = [torch.from_numpy(images[i : i + 16]) for i in range(0, len(images), 16)]
        p = calibrators.apply(calibrator, np.concatenate([exported(c)[0].numpy() for c in chunks]))
    for name in sorted(available()):
        runtime = Runtime(model, name=name)
        for batch in PARITY_BATCHES:
            delta = float(np.abs(calibrators.apply(calibrator, runtime.run(images, batch)[0]) - p).max())
            if not delta <= TOLERANCE:  # NaN fails too
                raise CutisError(
                    f"{name} at batch {batch}: probabilities differ from torch's by {delta:.2g}; at most "
                    f"{TOLERANCE:g} is "
                    "accepted. The export is not faithful, so nothing was frozen: try another backbone."
                )
            found.append(
                ParityRow(runtime=name, batch=batch, images=len(images), max_delta_p=delta, tolerance=TOLERANCE)
            )
    return tuple(found)


def _real_images(dataset: Dataset, rows: pl.DataFrame, preprocessing: Preprocessing) -> np.ndarray:
    size = preprocessing.size
    images: list[np.ndarray] = []
    for name in drawn(rows, PARITY_IMAGES)["file"].to_list():
        try:
            images.append(read_square(dataset.path / name, size, constancy=preprocessing.constancy))
        except BadImage:
            continue
    return np.stack(images) if images else np.empty((0, size, size, 3), np.uint8)
