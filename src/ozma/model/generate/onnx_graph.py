"""Writing an ONNX graph: nodes and constants by name. Needs the package `onnx`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ozma.model.generate.optional import required

OPSET, IR = 21, 10
"""Versions of the operators and of the file: the first with int8 weights in groups."""
Name = str
"""Of a value in the graph."""


class Graph:
    """Nodes, constants, inputs and outputs, in the order in which they are made."""

    def __init__(self) -> None:
        self.onnx = required("onnx", "pip install onnx")
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: Name, kind: type, *shape: int | str) -> Name:
        self._inputs.append(self._value(name, kind, shape))
        return name

    def output(self, x: Name, name: Name, *shape: int | str) -> None:
        """`x`, float32, leaves the graph under `name`."""
        self._nodes.append(self.onnx.helper.make_node("Identity", [x], [name]))
        self._outputs.append(self._value(name, np.float32, shape))

    def op(self, kind: str, *inputs: Name, **attributes: Any) -> Name:
        """The only output of a new node."""
        name = f"{kind}.{len(self._nodes)}"
        self._nodes.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def two_parts(self, x: Name, sizes: Name) -> tuple[Name, Name]:
        """`x` cut in its last axis."""
        names = [f"Split.{len(self._nodes)}.{part}" for part in range(2)]
        self._nodes.append(self.onnx.helper.make_node("Split", [x, sizes], names, axis=-1))
        return names[0], names[1]

    def constant(self, value: np.ndarray | Sequence[int] | float) -> Name:
        """Lists are int64, a number is float32."""
        if not isinstance(value, np.ndarray):
            value = np.array(value, np.float32 if isinstance(value, float) else np.int64)
        name = f"constant.{len(self._constants)}"
        self._constants.append(self.onnx.numpy_helper.from_array(value, name))
        return name

    def shape(self, *parts: Name | int) -> Name:
        """A vector of numbers and of the sizes that vectors in the graph hold."""
        vectors = [self.constant([p]) if isinstance(p, int) else p for p in parts]
        return self.op("Concat", *vectors, axis=0)

    def size(self, x: Name, axis: int) -> Name:
        """A vector of one number."""
        return self.op("Shape", x, start=axis, end=axis + 1)

    def cast(self, x: Name, kind: type) -> Name:
        return self.op("Cast", x, to=self._number(kind))

    def moved(self, x: Name, *axes: int) -> Name:
        return self.op("Transpose", x, perm=axes)

    def file(self, name: str, properties: dict[str, str]) -> bytes:
        """The model; `properties` are its metadata."""
        helper = self.onnx.helper
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR)
        helper.set_model_props(model, properties)
        return model.SerializeToString()

    def _value(self, name: Name, kind: type, shape: tuple[int | str, ...]) -> Any:
        return self.onnx.helper.make_tensor_value_info(name, self._number(kind), shape)

    def _number(self, kind: type) -> int:
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
