"""What model.onnx takes and gives, read from its bytes without the onnx package, before any runtime sees it.

ONNX is a protocol buffer. Two things must be known of one from elsewhere: that all its numbers are in it (a tensor may
name a file instead, which a runtime would read from the working folder, so that its answers change under one digest),
and that it is the network that its bundle's card describes.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; the tables below hold its field numbers (a test compares
them with the package's).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cutis.bundle.card import MOST_SIDE
from cutis.errors import CutisError

# Message -> field number -> message: every way to a tensor.
_WITHIN: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        **{5: "TensorProto", 6: "GraphProto", 10: "TensorProto", 11: "GraphProto"},
        **{22: "SparseTensorProto", 23: "SparseTensorProto"},
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
}
_TENSOR_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 8, 13, 14  # of TensorProto
_INPUT, _OUTPUT, _INITIALIZER = 11, 12, 5  # of GraphProto
_DEEPEST = 16  # graphs within nodes within graphs; ours have one
_MOST_FIELDS = 2_000_000  # a graph of 1,000 layers has some 50,000
UINT8, FLOAT = 2, 1  # of TensorProto.DataType
_GIVEN = ("logits", "features")
_TYPES = {FLOAT: "float32", UINT8: "uint8"}

Side = int | str | None  # of a shape: a number, a name, or not said


@dataclass(frozen=True)
class Tensor:
    """dtype: of TensorProto.DataType, 0 if it isn't said. shape: None if it isn't said."""

    name: str
    dtype: int
    shape: tuple[Side, ...] | None

    def __str__(self) -> str:
        sides = "?" if self.shape is None else " x ".join("?" if s is None else str(s) for s in self.shape)
        return f"{self.name} {_TYPES.get(self.dtype, f'type {self.dtype}')} ({sides})"


@dataclass(frozen=True)
class GraphFacts:
    """Of a network that answers pictures: size of its square uint8 input, classes, and features."""

    size: int
    classes: int
    features: int


class _Damaged(ValueError):
    pass


class _Reader:
    """The fields of protocol buffer messages, counted in all."""

    def __init__(self) -> None:
        self.left = _MOST_FIELDS

    def fields(self, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """(number, value) of each field: a number, or the bytes of a message, string or packed list."""
        at, end = 0, len(data)
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise _Damaged("it has more fields than any network")
            key, at = _varint(data, at)
            number, kind = key >> 3, key & 7
            if key >= 1 << 32:  # other readers drop these bits, and would find another field
                raise _Damaged("it is no protocol buffer")
            value: int | memoryview
            if kind == 0:
                value, at = _varint(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
                value, at = data[at : at + size], at + size
            elif kind == 2:
                size, at = _varint(data, at)
                value, at = data[at : at + size], at + size
            else:
                raise _Damaged("it is no protocol buffer")
            if at > end or number == 0:
                raise _Damaged("it ends in the middle of a field")
            yield number, value

    def messages(self, data: memoryview, wanted: int) -> Iterator[memoryview]:
        for number, value in self.fields(data):
            if number == wanted and isinstance(value, memoryview):
                yield value

    def check(self, message: str, data: memoryview, depth: int = 0) -> None:
        """Raise _Damaged if a tensor of the message has its numbers elsewhere."""
        if depth > _DEEPEST * 3:  # node, attribute, graph
            raise _Damaged("its graphs are nested too deeply")
        if message == "TensorProto":
            self._check_tensor(data)
            return
        within = _WITHIN[message]
        for number, value in self.fields(data):
            if number in within:
                if not isinstance(value, memoryview):
                    raise _Damaged("it is no ONNX graph")
                self.check(within[number], value, depth + 1)

    def _check_tensor(self, data: memoryview) -> None:
        name, outside = "", False
        for number, value in self.fields(data):
            if number == _TENSOR_NAME and isinstance(value, memoryview):
                name = _text(value)
            outside |= number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)
        if outside:
            raise _Damaged(f'its tensor "{name[:40]}" is in another file, which nothing vouches for')

    def tensor(self, data: memoryview) -> Tensor:
        """A ValueInfoProto (name = 1, type = 2) that is a tensor (tensor_type = 1: elem_type = 1, shape = 2)."""
        name, dtype, shape = "", 0, None
        for number, value in self.fields(data):
            if number == 1 and isinstance(value, memoryview):
                name = _text(value)
            if number != 2 or not isinstance(value, memoryview):
                continue
            for tensor_type in self.messages(value, 1):
                for n, v in self.fields(tensor_type):
                    if n == 1 and isinstance(v, int):
                        dtype = v
                    if n == 2 and isinstance(v, memoryview):
                        shape = tuple(self._side(dim) for dim in self.messages(v, 1))
        return Tensor(name, dtype, shape)

    def _side(self, data: memoryview) -> Side:
        """A Dimension: dim_value = 1, dim_param = 2."""
        found: Side = None
        for number, value in self.fields(data):
            if number == 1 and isinstance(value, int):
                found = value
            if number == 2 and isinstance(value, memoryview):
                found = _text(value)
        return found


def read_graph(model: bytes, where: str = "the network") -> GraphFacts:
    """What a bundle's network takes and gives, by its own description.

    Raises CutisError, naming `where`, if the bytes are no ONNX graph, one of its tensors is in another file, or it
    isn't of the kind that a bundle holds: image, uint8 (n, size, size, 3), to logits (n, classes) and features (n, d),
    float32, of any number n of images.
    """
    reader = _Reader()
    try:
        data = memoryview(model)
        reader.check("ModelProto", data)
        graphs = list(reader.messages(data, 7))
        if len(graphs) != 1:
            raise _Damaged("it is no ONNX graph")
        held = {_name(reader, tensor) for tensor in reader.messages(graphs[0], _INITIALIZER)}
        inputs = [reader.tensor(v) for v in reader.messages(graphs[0], _INPUT)]
        outputs = [reader.tensor(v) for v in reader.messages(graphs[0], _OUTPUT)]
    except _Damaged as error:
        raise CutisError(f"{where}: {error}. Only networks that Cutis froze are run; freeze it again.") from None
    return _facts([t for t in inputs if t.name not in held], outputs, where)


def _facts(inputs: list[Tensor], outputs: list[Tensor], where: str) -> GraphFacts:
    found = {t.name: t for t in (*inputs, *outputs)}
    if [t.name for t in inputs] == ["image"] and sorted(t.name for t in outputs) == sorted(_GIVEN):
        image, logits, features = _sides(found["image"], UINT8), *(_sides(found[n], FLOAT) for n in _GIVEN)
        square = len(image) == 3 and image[0] == image[1] <= MOST_SIDE and image[2] == 3
        if square and len(logits) == len(features) == 1:
            return GraphFacts(image[0], logits[0], features[0])
    takes, gives = (", ".join(map(str, side[:4]))[:200] or "nothing" for side in (inputs, outputs))
    raise CutisError(
        f"{where}: takes {takes} and gives {gives}; a bundle's network takes image uint8 (n x size x size x 3), at "
        f"most {MOST_SIDE} pixels, and gives logits and features float32 (n x how many)."
    )


def _sides(tensor: Tensor, dtype: int) -> tuple[int, ...]:
    """The sides but the first, which is free; () if any of this isn't so."""
    shape = tensor.shape or ()
    numbers = [s for s in shape[1:] if isinstance(s, int) and s > 0]
    if tensor.dtype != dtype or len(shape) < 2 or isinstance(shape[0], int) or len(numbers) != len(shape) - 1:
        return ()
    return tuple(numbers)


def _name(reader: _Reader, tensor: memoryview) -> str:
    return next((_text(value) for value in reader.messages(tensor, _TENSOR_NAME)), "")


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8", "replace")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """(value, where it ends) of a base-128 number of up to 64 bits."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Damaged("it ends in the middle of a field")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _Damaged("it is no protocol buffer")
