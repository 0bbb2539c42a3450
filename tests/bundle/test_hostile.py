"""Bundles from anywhere: cards and statistics that lie, and are sealed again, are refused in one line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from cutis.bundle import load
from cutis.bundle.load import content_digest, load_bundle
from cutis.errors import CutisError
from cutis.files import canonical_json, sha256_file, sha256_text

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def copied(frozen: Path, tmp_path: Path) -> Path:
    """Files are links, so that sixty copies cost nothing; a test writes its own in their place."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in frozen.iterdir():
        os.link(file, folder / file.name)
    return folder


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    return found


def put(folder: Path, name: str, data: bytes) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_bytes(data)


def reseal(folder: Path, card: Mapping[str, Any]) -> None:
    """Write bundle.json with the digests of what is there, as whoever makes a hostile bundle would."""
    files = card["files"]
    if isinstance(files, dict):
        files = {n: sha256_file(folder / n) if (folder / n).is_file() else d for n, d in files.items()}
    fresh = {**card, "files": files}
    put(folder, "bundle.json", canonical_json({**fresh, "digest": content_digest(fresh)}).encode())


def refused(folder: Path, words: str = "") -> None:
    with pytest.raises(CutisError, match=words) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 900
    assert str(folder) in str(caught.value)


def one_line(work: Callable[[], object]) -> bool:
    """Whether it can be done; if not, it says so in one line."""
    try:
        work()
    except CutisError as error:
        return "\n" in str(error) and pytest.fail(str(error))
    return True


def setting(*path: str | int, to: Any) -> Change:
    """The change of one value of the card."""

    def change(card: Any) -> None:
        for key in path[:-1]:
            card = card[key]
        card[path[-1]] = to

    return change


def without(*path: str | int) -> Change:
    def change(card: Any) -> None:
        for key in path[:-1]:
            card = card[key]
        del card[path[-1]]

    return change


VECTOR = {"method": "vector", "temperature": 1.0, "scale": [1, 1, 1], "bias": [0, 0, 0], "knots": [], "alone": []}
LINE = [[0.0, 0.5, 1.0], [0.0, 0.4, 1.0]]
ISOTONIC = VECTOR | {"method": "isotonic", "scale": [], "bias": [], "knots": [LINE] * 3}

CARDS: dict[str, tuple[Change, str]] = {
    "format is a text": (setting("format", to="99"), "names no format"),
    "format is a text of now": (setting("format", to="2"), "names no format"),
    "format is true": (setting("format", to=True), "names no format"),
    "format is a fraction": (setting("format", to=2.0), "names no format"),
    "format is nothing": (setting("format", to=None), "names no format"),
    "no format": (without("format"), "names no format"),
    "format is below one": (setting("format", to=-1), "of an earlier Cutis"),
    "format is huge": (setting("format", to=10**300), "is newer than this Cutis reads"),
    "no classes": (setting("classes", to=[]), "classes"),
    "classes are a text": (setting("classes", to="mel"), "classes"),
    "classes are numbers": (setting("classes", to=[1, 2, 3]), r"classes\.0"),
    "two classes of one code": (setting("classes", 1, "code", to="mel"), "each needs a code of its own"),
    "a class of no code": (setting("classes", 1, "code", to=""), "each needs a code of its own"),
    "another number of classes": (lambda c: c["classes"].pop(), "its network has 3 classes and its card 2"),
    "malignant is a text": (setting("classes", 0, "malignant", to="yes"), r"classes\.0\.malignant"),
    "size is a text": (setting("preprocessing", "size", to="24"), r"preprocessing\.size"),
    "size is none": (setting("preprocessing", "size", to=0), r"preprocessing\.size"),
    "size is negative": (setting("preprocessing", "size", to=-24), r"preprocessing\.size"),
    "size is huge": (setting("preprocessing", "size", to=10**9), r"preprocessing\.size"),
    "size is beyond 64 bits": (setting("preprocessing", "size", to=10**30), r"preprocessing\.size"),
    "size is a fraction": (setting("preprocessing", "size", to=24.5), r"preprocessing\.size"),
    "another size": (setting("preprocessing", "size", to=25), "its network has 24 pixels on a side and its card 25"),
    "std is zero": (setting("preprocessing", "std", to=[0, 1, 1]), r"preprocessing\.std"),
    "mean of two": (setting("preprocessing", "mean", to=[0.5, 0.5]), r"preprocessing\.mean"),
    "an unknown constancy": (setting("preprocessing", "constancy", to="red"), r"preprocessing\.constancy"),
    "temperature is zero": (setting("calibrator", "temperature", to=0), r"calibrator\.temperature"),
    "temperature is negative": (setting("calibrator", "temperature", to=-1.0), r"calibrator\.temperature"),
    "temperature is a text": (setting("calibrator", "temperature", to="1"), r"calibrator\.temperature"),
    "an unknown calibrator": (setting("calibrator", "method", to="platt"), r"calibrator\.method"),
    "vector of none": (setting("calibrator", to=VECTOR | {"scale": [], "bias": []}), "0 scales and 0 biases"),
    "vector of two": (setting("calibrator", to=VECTOR | {"bias": [0, 0]}), "3 scales and 2 biases"),
    "isotonic of none": (setting("calibrator", to=ISOTONIC | {"knots": []}), "0 lines for 3 classes"),
    "an empty line": (setting("calibrator", to=ISOTONIC | {"knots": [LINE, LINE, [[], []]]}), "a line that is none"),
    "a line that falls back": (
        setting("calibrator", to=ISOTONIC | {"knots": [LINE, LINE, [[1.0, 0.0], [0.0, 1.0]]]}),
        "a line that is none",
    ),
    "a line above one": (
        setting("calibrator", to=ISOTONIC | {"knots": [LINE, LINE, [[0.0, 1.0], [0.0, 7.0]]]}),
        "a line that is none",
    ),
    "a class alone that isn't": (setting("calibrator", to=VECTOR | {"alone": [7]}), "leaves classes alone"),
    "quantiles are a list": (setting("conformal", "quantiles", to=[0.5]), r"conformal\.quantiles"),
    "no quantile for all": (setting("conformal", "quantiles", to={"mel": 0.5}), "has no quantile for all"),
    "a quantile is a text": (setting("conformal", "quantiles", to={"": "0.5"}), r"conformal\.quantiles"),
    "a quantile of no class": (
        lambda c: c["conformal"].update(by="class", quantiles={"": 0.5, "xyz": 0.5}),
        'a quantile for "xyz"',
    ),
    "coverage above one": (setting("conformal", "coverage", to=1.5), r"conformal\.coverage"),
    "an unknown set": (setting("conformal", "method", to="best"), r"conformal\.method"),
    "free is negative": (setting("conformal", "free", to=-1), r"conformal\.free"),
    "free is a fraction": (setting("conformal", "free", to=0.5), r"conformal\.free"),
    "k of none": (setting("ood", "k", to=0), r"ood\.k"),
    "k above what there is": (setting("ood", "k", to=10**6), "fewer images than the 1000000"),
    "an unknown score": (setting("ood", "method", to="luck"), r"ood\.method"),
    "a threshold is a list": (setting("ood", "threshold", to=[1.0]), r"ood\.threshold"),
    "energy of no temperature": (lambda c: c["ood"].update(method="energy", temperature=0), r"ood\.temperature"),
    "a measure that isn't": (
        lambda c: c["gate"]["thresholds"].update(beauty={"value": 1.0, "source": "shipped"}),
        'asks for "beauty"',
    ),
    "a gate of texts": (setting("gate", "thresholds", to={"sharpness": "high"}), r"gate\.thresholds"),
    "points are a text": (setting("operating_points", to="none"), "operating_points"),
    "two points of one name": (
        lambda c: c.update(operating_points=[c["operating_points"][0]] * 2),
        "operating_points: each needs a name of its own",
    ),
    "sensitivity above one": (setting("operating_points", 0, "sensitivity", to=2), r"operating_points\.0"),
    "a split that is none": (setting("split", to={"unit": 7}), "split"),
    "a split of lists": (setting("split", "parts", to=[1, 2]), "split"),
    "trained is a list": (setting("trained", to=[]), "trained"),
    "reduced to a text": (setting("reduced", to={"bf16": "yes"}), "reduced"),
    "an unknown precision": (setting("precision", to="int1"), "precision"),
    "limits are numbers": (setting("limits", to=[1]), r"limits\.0"),
    "codes of other limits": (setting("limit_codes", to=["a"]), "not one for each limit"),
    "files are a list": (setting("files", to=["model.onnx"]), "files"),
    "no model": (lambda c: c["files"].pop("model.onnx"), "names no model.onnx|not part of this bundle"),
    "a file above": (lambda c: c["files"].update({"../x": "0" * 64}), "not a plain file name"),
    "a file with a root": (lambda c: c["files"].update({"/etc/hostname": "0" * 64}), "not a plain file name"),
    "a file of Windows": (lambda c: c["files"].update({"C:\\x": "0" * 64}), "not a plain file name"),
    "a file of two dots": (lambda c: c["files"].update({"..": "0" * 64}), "not a plain file name"),
    "a file of no name": (lambda c: c["files"].update({"": "0" * 64}), "not a plain file name"),
    "a file with a null": (lambda c: c["files"].update({"a\0b": "0" * 64}), "not a plain file name"),
    "a digest that is none": (lambda c: c["files"].update({"x": "abc"}), "has no SHA-256"),
    "a digest that is a number": (lambda c: c["files"].update({"x": 7}), r"files\.x"),
    "a licence of texts": (setting("licence", to="free"), "licence"),
    "parity of nothing": (setting("parity", to=[{}]), r"parity\.0"),
    "structure is a number": (setting("structure", to=5), "structure"),
    "no statistics": (lambda c: c["files"].pop("ood.safetensors"), "lacks features|not part of this bundle"),
}


@pytest.mark.parametrize("name", CARDS)
def test_resealed_cards_that_lie(copied: Path, name: str):
    change, words = CARDS[name]
    card = content(copied)
    change(card)
    reseal(copied, card)
    refused(copied, words)


TEXTS = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe{}",
    "a list": b"[]\n",
    "a number": b"7\n",
    "nested without end": b"[" * 100_000 + b"]" * 100_000,
    "objects nested without end": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5,000 digits": b'{"format": ' + b"9" * 5_000 + b"}\n",
    "not a number": b'{"format": NaN}\n',
    "endless": b'{"format": 2, "x": Infinity, "digest": ""}\n',
    "half a pair": b'{"format": 2, "x": "\\ud800", "digest": ""}\n',
    "a digest that is a list": b'{"digest": [], "format": 2}\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_are_no_card(copied: Path, name: str):
    put(copied, "bundle.json", TEXTS[name])
    refused(copied, "bundle.json")


@pytest.mark.parametrize("depth", [150, 900])
def test_nesting_within_the_card(copied: Path, depth: int):
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    card = content(copied) | {"trained": {"x": deep}}
    text = json.dumps(card, sort_keys=True)
    assert text
    try:
        reseal(copied, card)
    except RecursionError:  # this Python can't write it so; then by hand
        put(copied, "bundle.json", text.encode())
    one_line(lambda: load_bundle(copied))  # not too deep is no fault


def test_a_card_of_too_many_bytes_is_not_read(copied: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(load._MOST, "bundle.json", 1_000)
    refused(copied, "at most 0 MB is read of such a file")


def test_a_card_that_is_no_file(copied: Path):
    (copied / "bundle.json").unlink()
    os.mkfifo(copied / "bundle.json")  # reading it would wait for ever
    refused(copied, "no bundle.json")


def test_a_model_that_is_no_file(copied: Path):
    (copied / "model.onnx").unlink()
    os.mkfifo(copied / "model.onnx")
    refused(copied, r"model\.onnx: missing")


def tensors(name: str, value: Any) -> Callable[[dict[str, np.ndarray]], object]:
    return lambda found: found.update({name: np.asarray(value)})


STATISTICS: dict[str, tuple[Callable[[dict[str, np.ndarray]], object], str]] = {
    "features of another length": (lambda t: t.update(features=t["features"][:, :3].copy()), "features is"),
    "features are a number": (tensors("features", np.float32(1)), "features is"),
    "features are whole": (lambda t: t.update(features=t["features"].astype(np.int32)), "features holds"),
    "features are not numbers": (lambda t: t.update(features=t["features"] * np.nan), "features holds"),
    "counts of other classes": (tensors("counts", np.ones(7, np.int64)), "counts is"),
    "counts below none": (tensors("counts", np.array([1, -1, 1])), "counts holds"),
    "counts of nothing": (tensors("counts", np.zeros(3, np.int64)), "counts has no image"),
    "means of infinity": (lambda t: t.update(means=t["means"] + np.inf), "means holds"),
    "no square": (lambda t: t.update(covariance=t["covariance"][:2].copy()), "covariance is"),
    "more than there is": (tensors("kept", np.array([1_000])), "kept is 1000"),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_that_lie(copied: Path, name: str):
    change, words = STATISTICS[name]
    found = load_file(copied / "ood.safetensors")
    change(found)
    (copied / "ood.safetensors").unlink()
    save_file(found, copied / "ood.safetensors")
    reseal(copied, content(copied))
    refused(copied, words)


BYTES = {
    "nothing": b"",
    "noise": bytes(range(256)) * 9,
    "a header of 2^60 bytes": (1 << 60).to_bytes(8, "little") + b"{}",
    "a header without end": (9_000_000).to_bytes(8, "little") + b"[" * 9_000_000,
    "data that isn't there": (73).to_bytes(8, "little")
    + b'{"features":{"dtype":"F32","shape":[100000,8],"data_offsets":[0,3200000]}}'[:73],
}


@pytest.mark.parametrize("name", BYTES)
def test_statistics_that_are_none(copied: Path, name: str):
    put(copied, "ood.safetensors", BYTES[name])
    reseal(copied, content(copied))
    refused(copied, r"ood\.safetensors: (not a safetensors file|lacks)")


def test_a_covariance_that_is_none(copied: Path, dataset: Any):
    """It is of finite numbers, and only the score that needs it finds out."""
    found = load_file(copied / "ood.safetensors")
    (copied / "ood.safetensors").unlink()
    save_file(found | {"covariance": -np.eye(len(found["covariance"]))}, copied / "ood.safetensors")
    card = content(copied)
    card["ood"] |= {"method": "mahalanobis"}
    reseal(copied, card)
    with pytest.raises(CutisError, match="covariance of features is none"):
        load_bundle(copied).predict(dataset)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_random_changes_of_a_sealed_card(frozen: Path, tmp_path: Path, seed: int):
    """A hundred a seed: a value of the card, anywhere, becomes one of another kind."""
    rng = np.random.default_rng(seed)
    strange = [
        *(None, True, -1, 0, 10**25, 1e308, 0.5, "", "x", "\0", "9" * 4_000, [], {}, [[]], {"": None}, [1, "a"]),
        *("../x", {"a": {"b": {"c": 1}}}, [None] * 50),
    ]
    folder = Path(shutil.copytree(frozen, tmp_path / "copy"))
    original = content(folder)
    opened = 0
    for _ in range(100):
        card = json.loads(json.dumps(original))
        for _ in range(int(rng.integers(1, 3))):
            place = card
            while True:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                key = keys[int(rng.integers(len(keys)))]
                inner = place[key]
                if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
                    place[key] = strange[int(rng.integers(len(strange)))]
                    break
                place = inner
        try:
            reseal(folder, card)
        except (TypeError, KeyError):  # the files became something else
            body = {k: v for k, v in card.items() if k != "digest"}
            put(folder, "bundle.json", canonical_json({**body, "digest": sha256_text(canonical_json(body))}).encode())
        opened += one_line(lambda: load_bundle(folder))
    assert opened < 50


@pytest.mark.long
@pytest.mark.parametrize("name", ["model.onnx", "ood.safetensors"])
def test_random_bytes_of_resealed_files(frozen: Path, tmp_path: Path, dataset: Any, name: str):
    """Bits flipped, bytes cut and doubled, with the digests mended: refused, or opened and answered."""
    folder = Path(shutil.copytree(frozen, tmp_path / "copy"))
    whole, rng = (frozen / name).read_bytes(), np.random.default_rng(1)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            at, how = int(rng.integers(len(data))), int(rng.integers(3))
            if how == 0:
                data[at] ^= 1 << int(rng.integers(8))
            elif how == 1:
                del data[at : at + int(rng.integers(1, 64))]
            else:
                data[at:at] = data[at : at + int(rng.integers(1, 64))]
        put(folder, name, bytes(data))
        reseal(folder, content(folder))
        one_line(lambda: load_bundle(folder).predict(dataset, part="test", progress=False))
