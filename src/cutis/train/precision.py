"""Which arithmetic a run computes in: decided by what the processor can do, not by a clock, and kept with the run.

bfloat16 pays where the processor multiplies it natively, and costs where it is emulated. A measurement at the start
would come out anew every time, and the weights with it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch

Precision = Literal["32-true", "bf16-mixed"]
# What a processor needs, and torch's question for it.
_NATIVE = {"AMX": "_is_amx_tile_supported", "AVX512-BF16": "_is_avx512_bf16_supported"}


class Chosen(NamedTuple):
    """why: for people, as in "32-true: this processor has no bfloat16 arithmetic"."""

    precision: Precision
    why: str


def choose(accelerator: str) -> Chosen:
    """What precision "auto" means for `accelerator` ("auto", "cpu", "cuda"...) on this machine."""
    if accelerator in ("cuda", "gpu") or (accelerator == "auto" and torch.cuda.is_available()):
        if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False):
            return Chosen("bf16-mixed", "this GPU has bfloat16 arithmetic")
        return Chosen("32-true", "this GPU has no bfloat16 arithmetic")
    if accelerator != "cpu" and (accelerator != "auto" or torch.backends.mps.is_available()):
        return Chosen("32-true", "bfloat16 was not tried on this accelerator")
    for name, question in _NATIVE.items():
        if getattr(torch.cpu, question, bool)():
            return Chosen("bf16-mixed", f"this processor has {name}")
    return Chosen("32-true", "this processor has no bfloat16 arithmetic")
