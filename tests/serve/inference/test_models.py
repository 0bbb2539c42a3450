"""A server's bundles: opened, asked by digest, and answering as the bundle itself does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutis.bundle.fit import Choice
from cutis.bundle.load import load_bundle
from cutis.bundle.recalibrate import recalibrate
from cutis.errors import CutisError
from cutis.serve.inference.models import Models
from cutis.serve.kinds import Refused, Seen
from cutis.serve.settings import Settings


@pytest.fixture(scope="module")
def settings(settings_in: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def second(tiny_bundle: Path, phantom_data: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network with other sets, so another bundle."""
    return recalibrate(tiny_bundle, phantom_data, tmp_path_factory.mktemp("second") / "bundle", Choice(coverage=0.8))


def test_answers_are_the_bundles_own(settings: Settings, photographs: list[bytes], second: Path):
    models = Models.open(replace(settings, bundles=(*settings.bundles, second)))
    looks = Models.looks(models.settings)
    seen = [Seen(*looks[models.first.digest].see(data)) for data in photographs[:20]]

    async def run() -> Any:
        async with models.serving():
            assert models.ready
            everyone = [models.answer(one, digest) for digest in models.by_digest for one in seen]
            return await asyncio.gather(*everyone), await models.probabilities(np.stack([s.square for s in seen]))

    said, p = asyncio.run(run())
    assert not models.ready
    models.close()
    for path, part in zip((*settings.bundles, second), (said[:20], said[20:]), strict=True):
        bundle = load_bundle(path)
        told = bundle.told(np.stack([s.square for s in seen]), [s.faults for s in seen])
        for one, other in zip(part, told, strict=True):
            assert one.bundle == bundle.digest
            assert (one.status, one.predicted, one.answer_set) == (other.status, other.predicted, other.answer_set)
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
            np.testing.assert_allclose(one.features, other.features, atol=1e-5)
    assert {s.bundle for s in said} == set(models.by_digest)
    codes = models.first.codes
    np.testing.assert_allclose(p, [[s.probabilities[c] for c in codes] for s in said[:20]], atol=1e-5)


def test_an_unknown_bundle_and_a_server_that_does_not_run(settings: Settings, photographs: list[bytes]):
    models = Models.open(settings)
    seen = Seen(*models.first.look().see(photographs[0]))

    async def run() -> None:
        with pytest.raises(Refused, match="starting or stopping") as early:
            await models.answer(seen)
        assert early.value.status == 503
        async with models.serving():
            with pytest.raises(Refused, match="no bundle") as unknown:
                await models.answer(seen, "0" * 64)
            assert unknown.value.status == 404

    asyncio.run(run())
    models.close()


def test_bundles_that_cannot_be_served(settings: Settings, tmp_path: Path):
    one = settings.bundles[0]
    for bundles, words in (
        ((), "no bundle to serve"),
        ((one, one), "the same bundle as"),
        ((tmp_path,), "not a bundle"),
    ):
        with pytest.raises(CutisError, match=words):
            Models.open(replace(settings, bundles=bundles))
