"""Near-duplicates: planted copies are found, and images that are not copies are left alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.duplicates import KINDS, PAIRS, with_clusters
from cutis.data.near_duplicates import find_duplicates, near_duplicates
from cutis.data.nearest import Index, unit_rows
from cutis.errors import CutisError
from cutis.files import sha256_file
from cutis.image.alignment import picture, score
from cutis.image.local_features import content_mask, describe, mirrored
from cutis.phantom.dataset import make_dataset

Copy = Callable[[Image.Image], Image.Image]


def cropped(image: Image.Image) -> Image.Image:
    w, h = image.size
    return image.crop((int(0.05 * w), int(0.15 * h), int(0.85 * w), int(0.95 * h)))


def recoloured(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(float) * [1.15, 0.85, 0.9] + [-10, 12, 15]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


COPIES: dict[str, Copy] = {
    "crop": cropped,
    "turned": lambda i: i.rotate(35, Image.Resampling.BICUBIC),
    "upright": lambda i: i.transpose(Image.Transpose.ROTATE_90),
    "flip": lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "small": lambda i: i.resize((i.width * 2 // 3, i.height * 2 // 3)),
    "colour": recoloured,
    "several": lambda i: recoloured(cropped(i).transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
}


def stored(folder: Path, images: dict[str, Image.Image | bytes], name: str = "made up") -> Dataset:
    """A dataset folder of these images, JPEG quality 60 for pictures."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for image_id, image in images.items():
        path = folder / "images" / f"{image_id}.jpg"
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            image.save(path, quality=60)
        with Image.open(path) as read:
            width, height = read.size
        rows.append(
            {"image_id": image_id, "file": f"images/{path.name}", "status": "ok", "target": None, "width": width,
             "height": height, "sha256": sha256_file(path)}
        )  # fmt: skip
    return Dataset(folder, DatasetCard(name=name, classes=()), pl.DataFrame(rows)).save_into(folder)


def clusters(pairs: pl.DataFrame) -> list[set[str]]:
    table = with_clusters(pairs)
    members = pl.concat([table.select("image_id", "cluster"), table.select(image_id="other_id", cluster="cluster")])
    return [set(ids) for ids in members.group_by("cluster").agg(pl.col("image_id").unique())["image_id"].to_list()]


@pytest.fixture(scope="module")
def planted(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path]:
    """Eight real images of eight lesions, each with its copies, among fifty others."""
    sample = shared_data / "ham10000" / "sample"
    table = pl.read_csv(sample / "metadata.csv").unique("lesion_id", keep="first", maintain_order=True)
    paths = [sample / file for file in table["file"]][:58]
    images: dict[str, Image.Image | bytes] = {p.stem: p.read_bytes() for p in paths}
    for path in paths[:8]:
        with Image.open(path) as image:
            images |= {f"{path.stem}-{kind}": copy(image.convert("RGB")) for kind, copy in COPIES.items()}
    made = stored(tmp_path_factory.mktemp("near") / "data", images)
    return made, sample


def test_copies_of_real_images_are_found_and_nothing_else(planted: tuple[Dataset, Path]):
    pairs = near_duplicates([planted[0]])
    assert pairs.schema == PAIRS
    assert set(pairs["kind"]) <= set(KINDS)
    wrong = [p for p in pairs.select("image_id", "other_id").rows() if p[0].split("-")[0] != p[1].split("-")[0]]
    assert wrong == []
    together = {frozenset(pair) for c in clusters(pairs) for pair in itertools.combinations(sorted(c), 2)}
    originals = {i.split("-")[0] for i in planted[0].manifest["image_id"] if "-" in i}
    found = {kind: sum(frozenset((o, f"{o}-{kind}")) in together for o in originals) for kind in COPIES}
    assert sum(found.values()) >= 0.95 * 8 * len(COPIES), found
    assert min(found.values()) >= 6, found


def test_hashes_alone_find_the_easy_copies(planted: tuple[Dataset, Path]):
    pairs = near_duplicates([planted[0]], by="hash")
    assert all(a.split("-")[0] == b.split("-")[0] for a, b in pairs.select("image_id", "other_id").rows())
    together = {frozenset(pair) for c in clusters(pairs) for pair in itertools.combinations(sorted(c), 2)}
    originals = {i.split("-")[0] for i in planted[0].manifest["image_id"] if "-" in i}
    for kind in ("upright", "flip", "small", "colour"):
        assert sum(frozenset((o, f"{o}-{kind}")) in together for o in originals) >= 7, kind


def test_phantoms_across_datasets_by_bytes_pixels_and_look(tmp_path: Path):
    made = make_dataset(tmp_path / "phantom", 30, size=96, seed=3)
    rows = made.usable().sort("image_id").rows(named=True)[:3]
    first = (made.path / rows[0]["file"]).read_bytes()
    with Image.open(made.path / rows[1]["file"]) as second, Image.open(made.path / rows[2]["file"]) as third:
        (tmp_path / "png").mkdir()
        second.convert("RGB").save(tmp_path / "png" / "second.png")
        flipped = third.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        other = stored(tmp_path / "other", {"first": first, "third": flipped}, "other")
        same = {"image_id": "second", "file": "images/second.png", "status": "ok", "width": second.width,
                "height": second.height, "sha256": sha256_file(tmp_path / "png" / "second.png")}  # fmt: skip
    (tmp_path / "png" / "second.png").rename(other.path / "images" / "second.png")
    manifest = pl.concat([other.manifest, pl.DataFrame([same])], how="diagonal_relaxed")
    other = Dataset(other.path, other.card, manifest).save_into(other.path)
    pairs = find_duplicates([made, other])
    across = pairs.filter(pl.col("dataset") != pl.col("other_dataset"))
    kinds = {(row["image_id"], row["other_id"]): row["kind"] for row in across.iter_rows(named=True)}
    assert kinds[rows[0]["image_id"], "first"] == "same bytes"
    assert kinds[rows[1]["image_id"], "second"] == "same pixels"
    assert kinds[rows[2]["image_id"], "third"] == "near"
    recorded = [pl.read_parquet(d.path / "duplicates.parquet") for d in (made, other)]
    assert {"first", "second", "third"} <= set(
        recorded[1].filter(pl.col("other_dataset") == made.card.name)["image_id"]
    )
    assert set(recorded[1]["dataset"]) == {"other"}
    assert near_duplicates([made, other]).equals(pairs)  # the same images, the same answer


def test_bad_requests(planted: tuple[Dataset, Path], tmp_path: Path):
    made, _ = planted
    with pytest.raises(CutisError, match='by "lok": did you mean "look"'):
        near_duplicates([made], by="lok")
    with pytest.raises(CutisError, match="threshold 2"):
        near_duplicates([made], threshold=2)
    with pytest.raises(CutisError, match='two datasets are named "made up"'):
        near_duplicates([made, made])
    lost = stored(tmp_path / "lost", {"a": Image.new("RGB", (80, 60), "red"), "b": Image.new("RGB", (80, 60), "blue")})
    assert len(near_duplicates([lost])) == 0  # nothing to see in them, so nothing is claimed
    for few in (0, 1):
        assert len(near_duplicates([Dataset(lost.path, lost.card, lost.manifest.head(few))])) == 0
    short = {
        "made up": pl.DataFrame(
            {"image_id": ["a"], "vector": [[1.0, 0.0]]}, schema_overrides={"vector": pl.Array(pl.Float32, 2)}
        )
    }
    with pytest.raises(CutisError, match='lack image "b"'):
        near_duplicates([lost], embeddings=short)
    (lost.path / "images" / "a.jpg").unlink()
    with pytest.raises(CutisError, match=r"a\.jpg: no such file"):
        near_duplicates([lost])


def test_embeddings_propose_pairs_too(planted: tuple[Dataset, Path]):
    """Embeddings that call all images alike propose all; only copies survive being laid on each other."""
    made, _ = planted
    some = Dataset(made.path, made.card, made.manifest.head(20))
    table = pl.DataFrame(
        {"image_id": some.manifest["image_id"], "vector": np.tile(np.float32([1, 0]), (20, 1))},
        schema_overrides={"vector": pl.Array(pl.Float32, 2)},
    )
    pairs = near_duplicates([some], embeddings={made.card.name: table})
    assert all(a.split("-")[0] == b.split("-")[0] for a, b in pairs.select("image_id", "other_id").rows())


@pytest.mark.parametrize("n", [500, 6000])
def test_search_finds_planted_neighbours(n: int):
    """One cell (exact) and many: the noisy twin of a vector is its nearest of another owner."""
    rng = np.random.default_rng(0)
    base = unit_rows(rng.normal(size=(60, 24))[np.arange(n) % 60] + 0.5 * rng.normal(size=(n, 24)))
    twins = unit_rows(base[:200] + 0.05 * rng.normal(size=(200, 24)))
    vectors = np.concatenate([base, twins]).astype(np.float16)
    owner = np.arange(len(vectors))
    found = Index(vectors, owner).nearest(vectors, owner, at_least=0.9, most=2)
    pairs = set(zip(found.query.tolist(), found.found.tolist(), strict=True))
    right = sum((i, n + i) in pairs and (n + i, i) in pairs for i in range(200))
    assert right >= (200 if n == 500 else 190), right
    exact = (base[0].astype(np.float16).astype(np.float32) @ twins[0].astype(np.float16).astype(np.float32)).item()
    assert found.similarity[found.query == 0].max() == pytest.approx(exact, abs=1e-3)
    alone = Index(vectors, np.zeros(len(vectors), int)).nearest(
        vectors, np.zeros(len(vectors), int), at_least=-1, most=2
    )
    assert len(alone.query) == 0  # nothing belongs to another


def test_mirrored_descriptors_are_those_of_the_mirrored_image(ham_sample: Path):
    path = sorted((ham_sample / "images").iterdir())[0]
    grey = np.asarray(Image.open(path).convert("L").resize((86, 64)))
    one, other = describe(grey), describe(np.ascontiguousarray(grey[:, ::-1]))
    assert len(one.points) >= 8
    similarity = unit_rows(mirrored(one.vectors)) @ unit_rows(other.vectors).T
    best = similarity.argmax(1)
    close = similarity.max(1) > 0.95
    assert close.sum() >= 0.6 * len(close)
    there = other.points[best[close], 0]
    assert np.median(np.abs(85 - one.points[close, 0] - there)) < 1  # where the mirror would put them


def test_filled_corners_are_no_content(ham_sample: Path):
    path = sorted((ham_sample / "images").iterdir())[0]
    turned = np.asarray(Image.open(path).convert("L").resize((86, 64)).rotate(30))
    mask = content_mask(turned)
    assert mask[0, 0] == mask[-1, -1] == 0
    assert mask[32, 43] == 255
    assert content_mask(np.full((64, 64), 90, np.uint8)).all()


def test_score_of_an_image_on_itself_and_on_another(ham_sample: Path):
    paths = sorted((ham_sample / "images").iterdir())
    one, other = (picture(np.asarray(Image.open(p).convert("L").resize((86, 64)))) for p in (paths[0], paths[30]))
    whole = np.eye(2, 3, dtype=np.float32)[None]
    assert score(one, one, whole) == pytest.approx(1, abs=1e-3)
    assert score(one, other, whole) < 0.5
    assert score(one, one, np.float32([[[1, 0, 80], [0, 1, 0]]])) == 0  # hardly any overlap
    shifted = np.float32([[[1, 0, 2], [0, 1, -1]]])
    assert score(one, one, shifted) > 0.95  # refined
