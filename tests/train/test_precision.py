"""Which arithmetic "auto" means: what the processor has, the same at every call, and kept with the run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutis.data.dataset import Dataset
from cutis.train import precision
from cutis.train.precision import Chosen, choose


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch):
    def has(*names: str) -> None:
        for name, question in precision._NATIVE.items():
            monkeypatch.setattr(torch.cpu, question, lambda name=name: name in names, raising=False)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return has


@pytest.mark.parametrize(
    ("names", "found"), [((), "32-true"), (("AMX",), "bf16-mixed"), (("AVX512-BF16",), "bf16-mixed")]
)
def test_the_processor_decides(processor, names: tuple[str, ...], found: str):
    processor(*names)
    for accelerator in ("auto", "cpu"):
        chosen = choose(accelerator)
        assert chosen.precision == found
        assert (names or ("no bfloat16",))[0] in chosen.why


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_decides_where_it_is_used(monkeypatch: pytest.MonkeyPatch, processor, native: bool):
    """One that emulates bfloat16 says that it supports it, unless asked not to."""
    processor()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    for accelerator in ("auto", "cuda", "gpu"):
        assert choose(accelerator).precision == ("bf16-mixed" if native else "32-true")
    assert choose("cpu").precision == "32-true"


def test_no_clock_is_asked(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def watched(clock: Callable[[], float]) -> Callable[[], float]:
        def read() -> float:
            asked.append(sys._getframe(1).f_globals["__name__"])  # other threads have clocks of their own to read
            return clock()

        return read

    for clock in ("perf_counter", "monotonic", "time", "process_time"):
        monkeypatch.setattr(time, clock, watched(getattr(time, clock)))
    assert len({choose("auto") for _ in range(50)}) == 1
    assert not [name for name in asked if name.startswith(("cutis", "torch", "lightning"))]


def test_a_run_keeps_what_was_chosen(skin: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light, stop):
    """The processor of a later day, another machine's or another Cutis's mind, changes nothing of a run."""
    import cutis
    from cutis.files import read_json
    from cutis.train import assemble

    monkeypatch.setattr(assemble, "choose", lambda accelerator: Chosen("bf16-mixed", "on Monday"))
    settings = {"size": 32, "batch_size": 32, "epochs": 3, "checkpoint_seconds": 0.0}
    stop(after=2)
    with pytest.raises(KeyboardInterrupt):
        cutis.train(skin, tmp_path / "run", **settings)
    kept = read_json(tmp_path / "run" / "config.json")
    assert kept["config"]["precision"] == "bf16-mixed"
    assert kept["precision"] == {"precision": "bf16-mixed", "why": "on Monday"}
    stop(after=None)
    monkeypatch.setattr(assemble, "choose", lambda accelerator: Chosen("32-true", "on Tuesday"))
    cutis.train(skin, tmp_path / "run", resume=True)
    assert light[-1]["trained"]["precision"] == {"precision": "bf16-mixed", "why": "on Monday"}
    assert light[-1]["trained"]["config"]["precision"] == "bf16-mixed"
