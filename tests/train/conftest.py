from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutis.data.dataset import Dataset
from cutis.data.split import split
from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="session")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """160 synthetic images of four classes, split."""
    made = make_dataset(tmp_path_factory.mktemp("skin") / "data", 160, size=48, seed=0)
    split(made, test=0.25, val=0.2, seed=0)
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Runs train a small network and end in a folder of its weights alone, as an export takes seconds; what each would
    have been frozen with is told, with the log's rows as `history`."""
    import json

    import numpy as np
    from safetensors.numpy import save_file
    from toys import small_network

    from cutis.files import atomic_folder
    from cutis.train import assemble

    told: list[dict[str, Any]] = []

    def freeze(network: Any, out: Path, **given: Any) -> Path:
        rows = (out.parent / "log.jsonl").read_text().splitlines()
        told.append(given | {"history": [json.loads(row) for row in rows]})
        with atomic_folder(out) as folder:
            state = {k: np.ascontiguousarray(v.numpy()) for k, v in network.state_dict().items()}
            save_file(state, folder / "weights.safetensors")
        return out

    monkeypatch.setattr(assemble, "freeze", freeze)
    monkeypatch.setattr(assemble, "build", small_network)
    return told


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """stop(after=n): the next runs are interrupted when they have saved n times; None lets them be."""
    from cutis.train.loop import Trainer

    save = Trainer._save
    left: list[int | None] = [None]

    def counted(trainer: Trainer) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        save(trainer)
        if left[0] is not None:
            left[0] -= 1

    def stop(after: int | None) -> None:
        left[0] = after

    monkeypatch.setattr(Trainer, "_save", counted)
    return stop
