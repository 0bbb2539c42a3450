"""Pictures for the benchmarks of image quality: skin, not skin, and what goes wrong with a photograph."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from common import SHARED
from cutis.image.decode import decode, read_bytes

NOT_SKIN = ("bccd", "dsb2018_nuclei", "pneumoniamnist", "made_up")  # each in two parts: "train" to fit on, "test"
HELD_OUT = ("dicom", "photographs")  # never fitted on


def ham(splits: tuple[str, ...], most: int, seed: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """(image_id, pixels) of at most `most` HAM10000 images of these splits, in a random order."""
    folder = SHARED / "ham10000"
    with (folder / "metadata.csv").open(newline="") as f:
        ids = [row["image_id"] for row in csv.DictReader(f) if row["split"] in splits]
    with zipfile.ZipFile(folder / "images.zip") as archive:
        for i in np.random.default_rng(seed).permutation(len(ids))[:most]:
            yield ids[i], decode(archive.read(f"images/{ids[i]}.jpg"), ids[i])


def ham_masks(ids: list[str]) -> Iterator[np.ndarray]:
    """The lesion masks, bool, of these HAM10000 images."""
    with zipfile.ZipFile(SHARED / "ham10000" / "masks.zip") as archive:
        for image_id in ids:
            yield decode(archive.read(f"masks/{image_id}.png"), image_id)[..., 0] > 127


def isic2017(most: int, part: str, seed: int = 0) -> Iterator[np.ndarray]:
    """Pixels of at most `most` ISIC 2017 images, in a random order; part: "train" or "test", every other file each."""
    files = sorted((SHARED / "isic2017" / "images").iterdir())[part == "test" :: 2]
    for i in np.random.default_rng(seed).permutation(len(files))[:most]:
        yield decode(read_bytes(files[i]), files[i].name)


def phantoms(tone: str, most: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Phantom photographs of one design tone, I..VI, with all that the phantom's photographs have on them."""
    from cutis.phantom import sample
    from cutis.phantom.optics.table import TONES

    rng = np.random.default_rng([seed, ord(tone[0]), len(tone)])
    for _ in range(most):
        yield sample(rng, melanin=TONES[tone]).render(192)[0]


def not_skin(name: str, part: str, most: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Pixels of pictures that show no skin; name: one of NOT_SKIN or HELD_OUT."""
    rng = np.random.default_rng([seed, part == "test"])
    if name == "made_up":
        yield from (made_up(rng) for _ in range(most))
    elif name == "pneumoniamnist":
        stored = np.load(SHARED / name / "pneumoniamnist.npz")[f"{part}_images"]
        for i in rng.permutation(len(stored))[:most]:
            yield np.repeat(stored[i][..., None], 3, axis=2)
    elif name == "dicom":
        yield from _dicom()
    elif name == "photographs":
        from sklearn.datasets import load_sample_images

        for image in load_sample_images().images:  # a temple, a flower: 12 crops of each
            for y in (0, 107, 214):
                for x in (0, 107, 214, 321):
                    yield np.ascontiguousarray(image[y : y + 213, x : x + 319])
    else:
        with (SHARED / name / "metadata.csv").open(newline="") as f:
            rows = [row for row in csv.DictReader(f) if (row["split"] == "train") == (part == "train")]
        for i in rng.permutation(len(rows))[:most]:
            yield decode(read_bytes(SHARED / name / rows[i]["file"]), rows[i]["file"])


def _dicom() -> Iterator[np.ndarray]:
    """First frames of the CT, ultrasound, X-ray and MR samples, scaled to 8 bits."""
    import pydicom

    for path in sorted((SHARED / "dicom_samples").rglob("*.dcm")):
        try:
            data = pydicom.dcmread(path)
            if data.get("Modality") not in ("CT", "US", "DX", "CR", "MR"):
                continue
            pixels = data.pixel_array
        except Exception:  # no pixels, or a codec that isn't here: not a picture to show
            continue
        colour = data.get("SamplesPerPixel", 1) == 3
        while pixels.ndim > (3 if colour else 2):
            pixels = pixels[0]
        low, high = float(pixels.min()), float(pixels.max())
        scaled = ((pixels - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
        yield np.ascontiguousarray(scaled if colour else np.repeat(scaled[..., None], 3, axis=2))


def made_up(rng: np.random.Generator) -> np.ndarray:
    """A plain colour, noise, a page of text, or cloudy texture in a colour that skin hasn't."""
    kind = int(rng.integers(4))
    height, width = 150, 200
    colour = cv2.cvtColor(np.array([[[rng.integers(35, 165), rng.integers(60, 256), rng.integers(40, 256)]]], np.uint8),
                          cv2.COLOR_HSV2RGB)[0, 0]  # fmt: skip
    if kind == 0:
        grey = rng.random() < 0.4
        return np.full((height, width, 3), rng.integers(256) if grey else colour, np.uint8)
    if kind == 1:
        side = int(rng.integers(40, 700))
        return rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    if kind == 2:
        page = np.full((height, width, 3), int(rng.integers(200, 256)), np.uint8)
        for y in range(12, height, int(rng.integers(10, 22))):
            words = "".join(chr(c) for c in rng.integers(97, 123, 30))
            cv2.putText(page, words, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (20, 20, 20), 1, cv2.LINE_AA)
        return page
    noise = sum(
        cv2.resize(rng.standard_normal((3 * 2**k, 4 * 2**k)).astype(np.float32), (width, height)) / 2**k
        for k in range(6)
    )
    return np.clip(colour + 35 * np.asarray(noise)[..., None], 0, 255).astype(np.uint8)


def _gamma(image: np.ndarray, gain: float) -> np.ndarray:
    from cutis.image.colour import linear_to_srgb, srgb_to_linear

    table = linear_to_srgb(np.clip(srgb_to_linear(np.arange(256) / 255) * gain, 0, 1))
    return cv2.LUT(image, np.rint(table * 255).astype(np.uint8))


def _shift(image: np.ndarray, share: float) -> np.ndarray:
    """Cut off the left `share` of the picture."""
    return np.ascontiguousarray(image[:, int(share * image.shape[1]) :])


def _flash(image: np.ndarray, radius: float) -> np.ndarray:
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    far = np.hypot((x - 0.4 * width) / width, (y - 0.4 * height) / width)
    return np.clip(image + 255 * np.exp(-((far / radius) ** 4))[..., None], 0, 255).astype(np.uint8)


def _tint(image: np.ndarray, gains: tuple[float, float, float]) -> np.ndarray:
    return cv2.merge([_gamma(np.ascontiguousarray(image[..., c]), g) for c, g in enumerate(gains)])


def _lossy(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality)
    return decode(out.getvalue(), "")


# What goes wrong -> (code that should refuse it, the picture spoiled). Lengths are of the longer side.
FAULTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "out of focus, sigma 1 %": ("too blurred", lambda p: cv2.GaussianBlur(p, (0, 0), 0.01 * max(p.shape))),
    "out of focus, sigma 2 %": ("too blurred", lambda p: cv2.GaussianBlur(p, (0, 0), 0.02 * max(p.shape))),
    "out of focus, sigma 4 %": ("too blurred", lambda p: cv2.GaussianBlur(p, (0, 0), 0.04 * max(p.shape))),
    "moved by 6 %": ("too blurred", lambda p: cv2.blur(p, (max(1, int(0.06 * max(p.shape))), 1))),
    "light x 0.1": ("too dark", lambda p: _gamma(p, 0.1)),
    "light x 0.03": ("too dark", lambda p: _gamma(p, 0.03)),
    "light x 3": ("too bright", lambda p: _gamma(p, 3.0)),
    "light x 6": ("too bright", lambda p: _gamma(p, 6.0)),
    "a third cut off": ("out of frame", lambda p: _shift(p, 0.33)),
    "half cut off": ("out of frame", lambda p: _shift(p, 0.5)),
    "flash, 20 % wide": ("glare", lambda p: _flash(p, 0.1)),
    "flash, 40 % wide": ("glare", lambda p: _flash(p, 0.2)),
    "blue light": ("", lambda p: _tint(p, (0.3, 0.7, 1.4))),
    "green light": ("", lambda p: _tint(p, (0.4, 1.3, 0.5))),
    "80 pixels wide": ("too small", lambda p: cv2.resize(p, (80, 60), interpolation=cv2.INTER_AREA)),
}  # fmt: skip
