"""MedMNIST's .npz files, of all sizes: DermaMNIST (also corrected and extended), and the other two-dimensional sets.

Source: Yang et al., "MedMNIST v2", Scientific Data 10, 41 (2023). Corrected and extended DermaMNIST: Abhishek, Jain &
Hamarneh, Scientific Data 12, 196 (2025).

The images lie inside the file, compressed. Each array is unpacked once into a temporary folder and mapped, so memory
stays flat whatever the size; nothing of it is ever unpickled.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree
from cutis.data.readers.base import Facts, Found, Options, Reader, Record
from cutis.data.readers.release import present
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo

SPLITS = ("train", "val", "test")
CARD = DatasetCard(
    name="dermamnist",
    title="DermaMNIST: HAM10000 cropped and shrunk",
    source="Yang J. et al. Scientific Data 10, 41 (2023), doi:10.1038/s41597-022-01721-8; images of HAM10000",
    licence="CC-BY-NC-4.0",
    attribution="MedMNIST v2, doi:10.1038/s41597-022-01721-8; HAM10000, doi:10.1038/sdata.2018.161",
    modality="dermoscopy",
    classes=tuple(values.ISIC_2018.values()),  # labels 0 to 6, in this order
)
_OTHERS = DatasetCard(
    name="medmnist",
    title="A set of MedMNIST",
    source="Yang J. et al. Scientific Data 10, 41 (2023), doi:10.1038/s41597-022-01721-8",
    licence="CC-BY-4.0",
    attribution="MedMNIST v2, doi:10.1038/s41597-022-01721-8",
    classes=(),
)
_FACTS = Facts(
    images=10_015,
    labels="7 diagnoses",
    identity="none",
    access="open",
    address="https://doi.org/10.5281/zenodo.10519652",
    quirks=(
        "the official split shares 641 lesions between train and test and the file has no lesion ids: its numbers are "
        "for comparison only; use dermamnist_corrected, or HAM10000 itself",
        "DermaMNIST is CC BY-NC 4.0, unlike the rest of MedMNIST (CC BY 4.0)",
        "akiec merges actinic keratosis (indeterminate) and Bowen's disease (malignant)",
        "images are numbered in the file's order: train, val, test",
    ),
)


class _Unpacked(Tree):
    """A temporary folder of unpacked arrays, removed when the importer closes it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._folder = tempfile.TemporaryDirectory(prefix="cutis-npz-")
        self.folder = Path(self._folder.name)

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def _file(src: Path) -> Path | None:
    if src.is_file():
        return src if src.suffix.casefold() == ".npz" else None
    files = sorted(p for p in src.glob("*.npz") if not p.name.startswith("."))
    return files[0] if len(files) == 1 else None


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return set()


def recognises(src: Path) -> bool:
    path = _file(src)
    return path is not None and any({f"{s}_images.npy", f"{s}_labels.npy"} <= _members(path) for s in SPLITS)


def _array(path: Path, name: str, folder: Path) -> np.ndarray:
    """One array of the .npz, unpacked into `folder` and mapped. Raises CutisError if it is damaged or too large."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as packed:
            info = archive.getinfo(f"{name}.npy")
            free = shutil.disk_usage(folder).free
            if info.file_size > free - 2**28:
                raise CutisError(
                    f"{path}: {name} unpacks to {info.file_size / 1e6:.0f} MB and {free / 1e6:.0f} MB are free in "
                    f"{folder.parent}. Free some space."
                )
            with (folder / f"{name}.npy").open("wb") as out:
                shutil.copyfileobj(packed, out, 2**20)
        array: np.ndarray = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CutisError(f"{path}: array {name} can't be read ({words}). Get the file again.") from None
    return array


def _png(images: np.ndarray, index: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(images[index])).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _pairs(path: Path, folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    members = _members(path)
    for split in SPLITS:
        if f"{split}_images.npy" not in members:
            continue
        if f"{split}_labels.npy" not in members:
            raise CutisError(f"{path}: {split}_images without {split}_labels; it may be damaged. Get it again.")
        images, labels = (_array(path, f"{split}_{kind}", folder) for kind in ("images", "labels"))
        grey, colour = images.ndim == 3, images.ndim == 4 and images.shape[-1] == 3
        if not (grey or colour) or images.dtype != np.uint8:
            raise CutisError(
                f"{path}: {split}_images is {images.dtype} of shape {images.shape}; two-dimensional images of uint8 "
                "are read, not MedMNIST's volumes."
            )
        if len(labels) != len(images) or labels.ndim not in (1, 2) or labels.dtype.kind not in "iub":
            raise CutisError(
                f"{path}: {split}_labels is {labels.dtype} of shape {labels.shape} for {len(images)} images."
            )
        yield split, images, labels.reshape(len(labels), -1)


def _target(label: int, codes: list[str], where: str) -> str:
    if not 0 <= label < len(codes):
        raise CutisError(f"{where}: label {label}: valid: 0 to {len(codes) - 1} ({', '.join(codes)})")
    return codes[label]


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader medmnist takes images and labels from the .npz; drop --label, --column and --images.")
    path = _file(src)
    if path is None:
        raise CutisError(f"{src}: expected one .npz file of MedMNIST. Name the file itself as the source.")
    name = re.sub(r"(_mnist)?_\d+$", "", path.stem.casefold())
    derma = name.startswith("dermamnist")
    tree = _Unpacked(path.parent)
    try:
        pairs = list(_pairs(path, tree.folder))
        if not pairs:
            raise CutisError(f"{path}: no array train_images, val_images or test_images in it; not a set of MedMNIST.")
        classes = CARD.classes if derma else _numbered(pairs)
        codes = [c.code for c in classes]
        records = []
        for split, images, labels in pairs:
            for i, row in enumerate(labels.tolist()):
                where = f"{path.name}: {split}_labels[{i}]"
                several = len(row) > 1
                target = None if several else _target(int(row[0]), codes, where)
                levels = next((c.diagnosis for c in classes if c.code == target), None) if derma else None
                found = {
                    "image_id": f"{values.slug(name)}_{split}_{i:06d}",
                    "source": name,
                    "target": target,
                    "source_split": split,
                    **({"labels": [codes[k] for k, on in enumerate(row) if on]} if several else {}),
                    **values.diagnosis(levels),
                    "image_type": "dermoscopic" if derma else None,
                    "attribution": CARD.attribution if derma else _OTHERS.attribution,
                }
                blob = Blob(f"{path.name}:{split}_images[{i}]", images[0].nbytes, make=partial(_png, images, i))
                records.append(Record(found, blob))
    except CutisError:
        tree.close()
        raise
    named = {"name": name.replace("_", "-")}
    if derma:
        return Found(present(CARD.model_copy(update=named), classes, _FACTS, records), records, tree)
    other = _OTHERS.model_copy(update={**named, "title": f"{name}, of MedMNIST"})
    return Found(present(other, classes, _PLAIN, records), records, tree)


def _numbered(pairs: list[tuple[str, np.ndarray, np.ndarray]]) -> tuple[ClassInfo, ...]:
    """Classes of a set whose names aren't kept here: "0", "1", ... as the file numbers them."""
    several = pairs[0][2].shape[1]
    most = several if several > 1 else max(int(labels.max(initial=0)) for _, _, labels in pairs) + 1
    return tuple(ClassInfo(code=str(k), name=f"class {k}") for k in range(most))


_PLAIN = Facts(
    images=0,
    labels="numbered classes",
    identity="none",
    access="open",
    address=_FACTS.address,
    quirks=("classes are numbered as in the file; MedMNIST's INFO names them",),
)
READER = Reader(
    name="medmnist",
    layout="DermaMNIST or another 2D set of MedMNIST: one .npz file, any size",
    recognises=recognises,
    read=read,
    card=CARD,
    facts=_FACTS,
    takes_file=True,
)
