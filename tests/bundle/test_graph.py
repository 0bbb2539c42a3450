"""model.onnx read without the onnx package: against the package's own tables and graphs, and graphs that lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutis.bundle import graph
from cutis.bundle.graph import GraphFacts, read_graph
from cutis.bundle.runtime import Runtime, available
from cutis.errors import CutisError

onnx = pytest.importorskip("onnx", reason="the oracle onnx is not installed")
from onnx import TensorProto, helper  # noqa: E402


@pytest.fixture
def model(frozen: Path) -> Any:
    return onnx.load(frozen / "model.onnx")


def refused(model: Any, words: str) -> None:
    with pytest.raises(CutisError, match=words) as caught:
        read_graph(model if isinstance(model, bytes) else model.SerializeToString(), "the/model.onnx")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the/model.onnx: ")


def test_every_way_to_a_tensor_is_known():
    """The package's descriptors: of each message that is walked, every field that leads to a TensorProto."""
    leads: dict[str, bool] = {}

    def leads_to_a_tensor(message: Any) -> bool:
        if message.name == "TensorProto":
            return True
        if message.name not in leads:
            leads[message.name] = False  # while it is looked into
            leads[message.name] = any(leads_to_a_tensor(f.message_type) for f in message.fields if f.message_type)
        return leads[message.name]

    seen: set[str] = set()
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        if message.name in seen or message.name == "TensorProto":
            continue
        seen.add(message.name)
        leads.clear()
        ways = {
            f.number: f.message_type for f in message.fields if f.message_type and leads_to_a_tensor(f.message_type)
        }
        assert graph._WITHIN[message.name] == {number: kind.name for number, kind in ways.items()}, message.name
        waiting += ways.values()
    assert seen == set(graph._WITHIN)
    numbers = {f.name: f.number for f in onnx.TensorProto.DESCRIPTOR.fields}
    assert (numbers["name"], numbers["external_data"], numbers["data_location"]) == (8, 13, 14)
    of_graph = {f.name: f.number for f in onnx.GraphProto.DESCRIPTOR.fields}
    assert (of_graph["input"], of_graph["output"], of_graph["initializer"]) == (11, 12, 5)
    assert (TensorProto.UINT8, TensorProto.FLOAT) == (graph.UINT8, graph.FLOAT)


def test_what_a_frozen_network_takes_and_gives(frozen: Path):
    assert read_graph((frozen / "model.onnx").read_bytes()) == GraphFacts(size=24, classes=3, features=8)


def test_nothing_of_the_exporter_is_in_it(frozen: Path, model: Any):
    """The exporter notes a stack trace with file paths for each node."""
    data = (frozen / "model.onnx").read_bytes()
    for word in (b"stack_trace", b".py", b"File ", b"pkg.", str(Path.cwd()).encode()):
        assert word not in data
    assert all(not node.metadata_props and not node.doc_string for node in model.graph.node)
    onnx.checker.check_model(model, full_check=True)


def outside(tensor: Any, location: str = "data.bin") -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


@pytest.mark.parametrize("location", ["data.bin", "../data.bin", "/etc/hostname"])
def test_numbers_in_another_file(model: Any, location: str):
    outside(model.graph.initializer[0], location)
    refused(model, "is in another file")


def test_a_tensor_that_only_says_that_it_is_elsewhere(model: Any):
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    refused(model, "is in another file")


def hidden(where: str, model: Any) -> Any:
    """A tensor whose numbers are elsewhere, in a place where few look."""
    tensor = helper.make_tensor("secret", TensorProto.FLOAT, [1], [1.0])
    outside(tensor)
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    inner = helper.make_graph([constant], "inner", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])])
    if where == "attribute":
        model.graph.node.append(constant)
    elif where == "branch":
        model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    elif where == "function":
        model.functions.append(helper.make_function("own", "F", [], ["c"], [constant], [helper.make_opsetid("", 18)]))
    elif where == "sparse":
        indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(tensor, indices, [4]))
    else:
        model.training_info.add().algorithm.CopyFrom(inner)
    return model


@pytest.mark.parametrize("where", ["attribute", "branch", "function", "sparse", "training"])
def test_numbers_elsewhere_anywhere(model: Any, where: str):
    refused(hidden(where, model), 'its tensor "secret" is in another file')


def test_a_graph_given_twice_hides_nothing(model: Any):
    """Protocol buffers merge what is given twice."""
    other = onnx.ModelProto()
    other.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0]))
    refused(model.SerializeToString() + other.SerializeToString(), "it is no ONNX graph")
    outside(other.graph.initializer[0])
    refused(model.SerializeToString() + other.SerializeToString(), "is in another file")


def test_a_key_with_bits_that_others_drop(model: Any):
    """External data under a field number of 33 bits, which a parser of 32 reads as 13."""
    tensor = model.graph.initializer[0]
    key = (13 << 3 | 2) | 1 << 32
    varint = bytes([key & 127 | 128, key >> 7 & 127 | 128, key >> 14 & 127 | 128, key >> 21 & 127 | 128, key >> 28])
    piece = tensor.SerializeToString() + varint + b"\x02\x0a\x00"
    wrapped = b"\x2a" + _length(piece) + piece
    whole = b"\x3a" + _length(wrapped) + wrapped
    refused(whole, "it is no protocol buffer")


def _length(data: bytes) -> bytes:
    n, found = len(data), bytearray()
    while n > 127:
        found.append(n & 127 | 128)
        n >>= 7
    return bytes([*found, n])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no ONNX graph"),
        (b"<?xml version='1.0'?><net/>", "no protocol buffer"),
        (b"ORTM" + bytes(60), "."),
        (b"\x08", "in the middle of a field"),
        (b"\x3a\xff\xff\xff\xff\x0f", "in the middle of a field"),
        (b"\xff" * 20, "no protocol buffer"),
        (b"\x38\x01", "no ONNX graph"),
    ],
)
def test_bytes_that_are_no_graph(data: bytes, words: str):
    refused(data, words)


def test_graphs_in_graphs_without_end(model: Any):
    inner = helper.make_graph([], "g", [], [])
    for _ in range(25):
        inner = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=inner)], "g", [], [])
    model.graph.node.extend(inner.node)
    refused(model, "nested too deeply")


def test_more_fields_than_any_network(monkeypatch: pytest.MonkeyPatch, model: Any):
    monkeypatch.setattr(graph, "_MOST_FIELDS", 20)
    refused(model, "more fields than any network")


def info(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


U8, F32 = TensorProto.UINT8, TensorProto.FLOAT


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([info("picture", U8, ["n", 24, 24, 3])], None),
        ([info("image", F32, ["n", 24, 24, 3])], None),
        ([info("image", U8, ["n", 24, 24, 1])], None),
        ([info("image", U8, ["n", 24, 25, 3])], None),
        ([info("image", U8, ["n", 3, 24, 24])], None),
        ([info("image", U8, ["n", "s", "s", 3])], None),
        ([info("image", U8, [1, 24, 24, 3])], None),
        ([info("image", U8, ["n", 10**9, 10**9, 3])], None),
        ([info("image", U8, ["n", -24, -24, 3])], None),
        ([], None),
        ([info("image", U8, ["n", 24, 24, 3]), info("other", F32, [1])], None),
        (None, [info("logits", F32, ["n", 3])]),
        (None, [info("logits", F32, ["n", 3]), info("features", F32, ["n", 8]), info("more", F32, ["n", 8])]),
        (None, [info("logits", TensorProto.DOUBLE, ["n", 3]), info("features", F32, ["n", 8])]),
        (None, [info("logits", F32, [3]), info("features", F32, ["n", 8])]),
        (None, [info("logits", F32, ["n", 3]), info("features", F32, ["n", "d"])]),
        (None, [info("logits", F32, ["n", 3]), onnx.ValueInfoProto(name="features")]),
    ],
)
def test_another_kind_of_network(model: Any, inputs: Any, outputs: Any):
    for side, given in (("input", inputs), ("output", outputs)):
        if given is not None:
            model.graph.ClearField(side)
            getattr(model.graph, side).extend(given)
    refused(model, "a bundle's network takes image uint8")


@pytest.mark.parametrize("name", available())
def test_what_it_gives_is_not_what_it_declares(model: Any, name: str):
    for output in model.graph.output:
        if output.name == "logits":
            output.type.tensor_type.shape.dim[1].dim_value = 5
    with pytest.raises(CutisError, match="the network: ") as caught:
        Runtime(model.SerializeToString(), name=name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("fault", ["no such operator", "an input that isn't there", "shapes that don't fit"])
def test_what_a_runtime_can_not_run_is_one_line(model: Any, name: str, fault: str):
    node = model.graph.node[0]
    if fault == "no such operator":
        node.op_type = "Dermatoscope"
    elif fault == "an input that isn't there":
        node.input[0] = "nowhere"
    else:
        model.graph.initializer[0].dims[:] = [7, *model.graph.initializer[0].dims[1:]]
    with pytest.raises(CutisError, match=f"the network: {name} can't run it") as caught:
        Runtime(model.SerializeToString(), name=name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", available())
def test_only_one_picture_at_a_time_is_one_line(model: Any, name: str, capfd: pytest.CaptureFixture[str]):
    """It says that it takes any number, and reshapes to one."""
    model.graph.node.append(helper.make_node("Constant", [], ["one"], value_ints=[1, 3]))
    model.graph.node.append(helper.make_node("Reshape", ["kept", "one"], ["logits"]))
    for node in model.graph.node[:-2]:
        node.output[:] = ["kept" if o == "logits" else o for o in node.output]
    model.graph.ClearField("value_info")
    runtime = Runtime(model.SerializeToString(), name=name)
    assert runtime.run(np.zeros((1, 24, 24, 3), np.uint8))[0].shape == (1, 3)
    if name == "openvino":  # takes out what would do nothing
        assert runtime.run(np.zeros((2, 24, 24, 3), np.uint8))[0].shape == (2, 3)
        return
    with pytest.raises(CutisError, match="can't run it") as caught:
        runtime.run(np.zeros((2, 24, 24, 3), np.uint8))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # the runtime's own words don't stand beside it
