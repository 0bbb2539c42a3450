"""The training cache: the right pixels, once, whoever starts or dies when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import cutis
from cutis.data.cache import open_cache
from cutis.errors import CutisError
from cutis.image.decode import read_square


@pytest.fixture
def made(class_folders, tmp_path):
    return cutis.import_dataset(class_folders, tmp_path / "data")


def ids(dataset):
    return dataset.manifest["image_id"].to_list()


def test_pixels_are_read_squares(made):
    cache = open_cache(made, ids(made)[::-1], 24)
    assert cache.images.shape == (16, 24, 24, 3)
    assert cache.images.dtype == np.uint8
    assert not cache.images.flags.writeable
    for row in made.manifest.rows(named=True):
        assert np.array_equal(cache.images[cache.index[row["image_id"]]], read_square(made.path / row["file"], 24))
    assert cache.images[cache.rows(["nev3"])[0]].shape == (24, 24, 3)
    with pytest.raises(CutisError, match="'nix' is not in the cache"):
        cache.rows(["nix"])


def test_built_once_and_named_by_what_is_in_it(made, monkeypatch):
    first = open_cache(made, ids(made), 16)
    monkeypatch.setattr("cutis.data.cache._build", lambda *a: pytest.fail("built again"))
    assert open_cache(made, ids(made)[::-1], 16).path == first.path
    monkeypatch.undo()
    assert open_cache(made, ids(made), 17).path != first.path
    assert open_cache(made, ids(made)[:5], 16).path != first.path
    assert sorted(p.suffix for p in first.path.parent.iterdir()) == [".npy"] * 3


def test_a_cut_cache_is_built_again(made):
    path = open_cache(made, ids(made), 16).path
    path.write_bytes(path.read_bytes()[:1000])
    assert open_cache(made, ids(made), 16).images.shape == (16, 16, 16, 3)


def test_wrong_requests(made, tmp_path):
    with pytest.raises(CutisError, match='no readable image "nix"'):
        open_cache(made, ["nix"], 16)
    with pytest.raises(CutisError, match="a cache of no images"):
        open_cache(made, [], 16)
    (made.path / "images" / "nev3.jpg").unlink()
    with pytest.raises(CutisError, match=r"nev3\.jpg: no such file"):
        open_cache(made, ids(made), 16, root=tmp_path / "caches")
    assert list((tmp_path / "caches").iterdir()) == []


SCRIPT = textwrap.dedent(
    """
    import sys, time
    from cutis.data.cache import open_cache
    from cutis.data.dataset import Dataset
    made = Dataset.load(sys.argv[1])
    def slowly(items, total, label):
        for n, item in enumerate(items):
            print("row", n, flush=True)
            time.sleep(float(sys.argv[2]))
            yield item
    cache = open_cache(made, made.manifest["image_id"].to_list(), 16, progress=slowly)
    print("done", int(cache.images.sum()), flush=True)
    """
)


def start(made, pause: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(made.path), str(pause)], stdout=subprocess.PIPE, text=True
    )


def test_concurrent_starts_build_once(made):
    both = [start(made, 0.02) for _ in range(2)]
    outputs = [p.communicate(timeout=120)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    assert sum("row" in o for o in outputs) == 1  # one built, the other waited for it


def test_kill_leaves_nothing_that_is_taken_for_a_cache(made):
    process = start(made, 30)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("row")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    folder = made.path / ".cache"
    assert any(p.suffix == ".partial" for p in folder.iterdir())
    assert not any(p.suffix == ".npy" for p in folder.iterdir())
    assert open_cache(made, ids(made), 16).images.shape[0] == 16
    assert sorted(p.suffix for p in folder.iterdir()) == [".npy"]


def test_a_full_disk_is_told_and_nothing_kept(made, small_disk, monkeypatch):
    with pytest.raises(CutisError, match="needs 3 MB and 1 MB are free"):
        open_cache(made, ids(made), 256, root=small_disk)
    usage = os.statvfs(small_disk)
    monkeypatch.setattr("shutil.disk_usage", lambda p: type("U", (), {"free": 10**9, "total": usage.f_blocks}))
    with pytest.raises(CutisError, match="the disk is full"):
        open_cache(made, ids(made), 256, root=small_disk)
    assert list(small_disk.iterdir()) == []
