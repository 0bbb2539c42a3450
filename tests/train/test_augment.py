from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
import torch

from cutis.errors import CutisError
from cutis.train.augment import Augmentation, augment, corrupt_some
from cutis.train.feed import Feed, Normalise
from cutis.train.objectives import objective
from cutis.train.objectives.base import TrainingData
from cutis.train.run import make_config

OFF = Augmentation(turn=False, zoom=0, stretch=0, shift=0, colour=0)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as made:
        yield made


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 40, 40, 3), np.uint8)


def test_all_off_at_the_same_size_is_the_identity(images, pool):
    assert np.array_equal(augment(images, 40, OFF, np.random.default_rng(0), pool), images)


def test_same_generator_same_bytes_and_each_image_its_own(images, pool):
    one = augment(images, 32, Augmentation(), np.random.default_rng(3), pool)
    assert np.array_equal(one, augment(images, 32, Augmentation(), np.random.default_rng(3), pool))
    assert not np.array_equal(one, augment(images, 32, Augmentation(), np.random.default_rng(4), pool))
    same = np.repeat(images[:1], 6, axis=0)
    turned = augment(same, 32, Augmentation(), np.random.default_rng(3), pool)
    assert len(np.unique(turned.reshape(6, -1), axis=0)) == 6


def test_turns_keep_the_centre_and_the_colour_of_a_plain_image(pool):
    plain = np.full((8, 48, 48, 3), (180, 120, 100), np.uint8)
    plain[:, 20:28, 20:28] = 10
    out = augment(plain, 48, Augmentation(zoom=0, stretch=0, shift=0, colour=0), np.random.default_rng(0), pool)
    assert (out[:, 23:25, 23:25] == 10).all()
    assert (out[:, 2, 2] == (180, 120, 100)).all()


def test_colour_moves_colour_but_not_shape(pool):
    grey = np.full((64, 8, 8, 3), 128, np.uint8)
    out = augment(grey, 8, OFF.model_copy(update={"colour": 0.2}), np.random.default_rng(0), pool)
    assert (np.ptp(out, axis=(1, 2)) < 1e-3).all()  # flat stays flat
    assert 5 < out[:, 0, 0].std() < 40
    assert abs(out.mean() - 128) < 6


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError):
        Augmentation(shift=0.7)
    with pytest.raises(ValueError):
        Augmentation(blur=1)  # type: ignore[call-arg]


def test_scale_and_shift_are_applied_a_channel_and_out_is_written_to(images, pool):
    plain = augment(images, 32, Augmentation(), np.random.default_rng(3), pool)
    scale, shift, out = np.array([1, 2, 3.0]), np.array([0, -1, 5.0]), np.empty((6, 32, 32, 3), np.float32)
    made = augment(images, 32, Augmentation(), np.random.default_rng(3), pool, scale=scale, shift=shift, out=out)
    assert made is out
    assert np.allclose(made, plain * scale + shift, atol=1e-3)


def test_a_suite_changes_about_half_of_the_images_each_its_own_way(pool):
    skin = np.full((40, 40, 3), (190, 140, 120), np.uint8)
    skin[12:28, 12:28] = (90, 60, 50)
    images = np.repeat(skin[None], 80, axis=0)
    made = corrupt_some(images, "dermoscopy", np.random.default_rng(1), pool)
    changed = [not np.array_equal(one, skin) for one in made]
    assert 28 <= sum(changed) <= 52
    assert len({one.tobytes() for one in made}) > 20
    assert (images == skin).all()
    again = corrupt_some(images, "dermoscopy", np.random.default_rng(1), pool)
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))


def test_the_feed_takes_a_suite_and_leaves_its_batches_alone_without_one(skin):
    def batch(suite: str) -> np.ndarray:
        rows = skin.usable().with_columns(group=pl.int_range(pl.len()))
        images = np.full((len(rows), 40, 40, 3), (190, 140, 120), np.uint8)
        data = TrainingData(rows, np.zeros(len(rows), np.int64), skin.codes, rows["group"].to_numpy())
        still = Normalise((0.5,) * 3, (0.2,) * 3, torch.device("cpu"))
        plan = {"size": 32, "batch_size": 24, "augmentation": OFF, "seed": 0, "suite": suite}
        feed = Feed(images, data, objective("cross-entropy"), still, **plan)
        made = feed.batch(0).views[0].numpy().copy()
        feed.close()
        return made

    plain, changed = batch("none"), batch("medmnistc")
    apart = [not np.allclose(a, b) for a, b in zip(plain, changed, strict=True)]
    assert 4 <= sum(apart) <= 20
    assert np.array_equal(changed, batch("medmnistc"))


def test_an_unknown_suite_is_refused_by_name():
    with pytest.raises(CutisError, match="setting augment_suite = dermascopy"):
        make_config({"epochs": 1, "augment_suite": "dermascopy"})
