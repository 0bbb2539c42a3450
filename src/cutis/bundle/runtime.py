"""Running model.onnx without torch: OpenVINO on x86, ONNX Runtime elsewhere, in one shape."""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cutis.bundle.graph import read_graph
from cutis.data.threads import cpus
from cutis.errors import CutisError, nearest
from cutis.extras import X86

RUNTIMES = ("openvino", "onnxruntime")
PRECISIONS = ("fp32", "bf16")
Outputs = tuple[np.ndarray, np.ndarray]


def available() -> list[str]:
    """Runtimes that are installed, best for this machine first."""
    order = RUNTIMES if X86 else RUNTIMES[::-1]
    return [name for name in order if find_spec(name)]


class Runtime:
    """A compiled network: uint8 (n, size, size, 3) RGB in, logits (n, classes) and features (n, d) float32 out.

    model: the ONNX file's bytes. name: "openvino", "onnxruntime" or None for the best that is installed. precision:
    "fp32", or "bf16" (OpenVINO on a CPU that has it). threads: CPU threads of inference, all cores if None.
    where: of the file, for messages. As many batches run at once as there are threads, each on one. Raises CutisError
    if a choice can't be had here, the bytes are no network of a bundle (`cutis.bundle.graph`), or it can't be run.
    """

    def __init__(
        self,
        model: bytes,
        *,
        name: str | None = None,
        precision: str = "fp32",
        threads: int | None = None,
        where: Path | str = "the network",
    ) -> None:
        installed = available()
        if name is not None and name not in RUNTIMES:
            raise CutisError(f'runtime "{name}": {nearest(name, RUNTIMES)}')
        if not installed or (name is not None and name not in installed):
            raise CutisError(f'{name or "no runtime"} is not installed. Run: pip install "cutis[predict]"')
        if precision not in PRECISIONS:
            raise CutisError(f'precision "{precision}": {nearest(precision, PRECISIONS)}')
        if threads is not None and threads < 1:
            raise CutisError(f"threads {threads}: expected 1 or more.")
        self.name = name or ("openvino" if precision == "bf16" and "openvino" in installed else installed[0])
        self.precision = precision
        self.threads = threads or cpus()
        self.where = where
        self.graph = read_graph(model, str(where))
        build = _openvino if self.name == "openvino" else _onnxruntime
        try:
            self._infer = build(model, precision, self.threads)
        except CutisError:
            raise
        except Exception as error:  # the runtimes have no base of their own
            raise self._failed(error) from None
        # One picture, before any other thread comes: the first inference fills OpenVINO's tables of types under a lock
        # that gives up the interpreter's meanwhile, and two that came first together were seen to wait for ever.
        self.infer(np.zeros((1, self.graph.size, self.graph.size, 3), np.uint8))

    def infer(self, images: np.ndarray) -> Outputs:
        """Run one batch; safe to call from several threads at once. Raises CutisError if the runtime can't, or what it
        gives isn't what the network declares."""
        try:
            logits, features = self._infer(images)
        except Exception as error:
            raise self._failed(error) from None
        n, gives = len(images), f"{logits.shape} and {features.shape}"
        if (logits.shape, features.shape) != ((n, self.graph.classes), (n, self.graph.features)):
            raise CutisError(f"{self.where}: gives {gives} for {n} pictures, which is not what it declares.")
        return logits, features

    def _failed(self, error: Exception) -> CutisError:
        words = "not enough memory" if isinstance(error, MemoryError) else " ".join(str(error).split())[:160]
        return CutisError(f"{self.where}: {self.name} can't run it ({words}).")

    def run(self, images: np.ndarray, batch: int = 16) -> Outputs:
        """Logits and features of any number of images, `batch` at a time."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
            raise CutisError(f"images are {images.dtype} {images.shape}; expected uint8 (n, size, size, 3), n >= 1.")
        parts = [self.infer(np.ascontiguousarray(images[i : i + batch])) for i in range(0, len(images), batch)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _openvino(model: bytes, precision: str, threads: int) -> Any:
    openvino = _import_openvino()
    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise CutisError("precision bf16: this CPU has no bf16 arithmetic. Use precision fp32.")
    compiled = core.compile_model(
        core.read_model(model=model),
        "CPU",
        {
            # Left to itself OpenVINO computes in bf16 wherever the CPU can, which is not what fp32 was certified as.
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # pinned threads and the decoders' would fight for the same cores
        },
    )
    local = threading.local()

    def infer(images: np.ndarray) -> Outputs:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        found = local.request.infer({"image": images}, share_inputs=True)
        return np.array(found["logits"]), np.array(found["features"])

    return infer


def _import_openvino() -> Any:
    """OpenVINO without its telemetry: importing it otherwise starts a process that reports the import over the network.

    Its tools fall back to a stub of their own where openvino_telemetry can't be imported.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    missing = object()
    before = sys.modules.get("openvino_telemetry", missing)
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if before is missing:
            del sys.modules["openvino_telemetry"]
        else:
            sys.modules["openvino_telemetry"] = before  # type: ignore[assignment]
    return openvino


def _onnxruntime(model: bytes, precision: str, threads: int) -> Any:
    if precision != "fp32":
        raise CutisError(f"precision {precision} runs on openvino only; onnxruntime runs fp32.")
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what fails is told by us
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to decoding
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def infer(images: np.ndarray) -> Outputs:
        logits, features = session.run(["logits", "features"], {"image": images})
        return logits, features

    return infer
