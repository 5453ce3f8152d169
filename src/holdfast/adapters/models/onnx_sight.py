"""What is known of an ONNX graph while its operators are rewritten for one row at a time.

The graph is looked at as it treats a single row, and every row of ours is treated like that. So the rows come first
whatever the graph does with them: an axis that it moves, joins with others or drops has the length 1 here, and moving
it changes no order of numbers. Where the graph fixes another number of rows, they must stay the first axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.network_writing import Script
from holdfast.adapters.models.onnx_trees import TreeNode
from holdfast.core.network import Attribute

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(slots=True)
class Sight:
    """What is known of a graph, and what was written of it so far.

    Attributes
    ----------
    opset
        Version of the standard.
    still
        What does not depend on the inputs.
    shapes, types
        Shapes of what does, and the types of its numbers.
    grows
        The axis that is longer for more rows, where there is one.
    names
        Our names of what has been written.
    rows
        How many rows the shapes are those of.
    script
        What was written.
    """

    opset: int
    still: Mapping[str, Array]
    shapes: Mapping[str, Shape]
    names: dict[str, str]
    types: Mapping[str, str] = field(default_factory=dict)
    grows: Mapping[str, int] = field(default_factory=dict)
    rows: int = 1
    script: Script = field(default_factory=Script)
    _whole: dict[str, str] = field(default_factory=dict)

    def is_led(self, name: str) -> bool:
        """Whether the first axis is that of the rows, which ours has anyway."""
        shape = self.shapes[name]
        if len(shape) > 1 and shape[0] == self.rows:
            return True
        if self.rows > 1:
            raise no_network(
                f"it takes {self.rows} rows at a time, which do not stay the first axis of {name!r}; "
                "export it for one row, or for any number of rows"
            )
        return False

    def form(self, name: str) -> Shape:
        """Return the shape of one row of ours."""
        shape = self.shapes[name]
        return shape[1:] if self.is_led(name) else shape or (1,)

    def is_integer(self, name: str) -> bool:
        """Whether it depends on the inputs and holds whole numbers."""
        return self.types.get(name, "").lstrip("u").startswith("int")

    def moves(self, name: str) -> bool:
        """Whether it depends on the inputs."""
        return name in self.shapes and name not in self.still

    def write(self, node: TreeNode, op: str, *inputs: str, **attributes: Attribute) -> None:
        """Write the operator itself: the step that makes its output."""
        self.names[node.outputs[0]] = self.script.step(op, *inputs, name=node.outputs[0], **attributes)

    def before(self, node: TreeNode, op: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """Write a step that another one of the same operator goes on from; return the name of what it makes."""
        return self.script.step(op, *inputs, name=name or f"{node.outputs[0]}:1", **attributes)

    def operand(self, name: str, *, whole: bool = False) -> str:
        """Name an input of a step; one that stands still becomes a constant, of whole numbers where asked for."""
        if name in self.names:
            return self.names[name]
        value = self.value(name)
        if value.dtype.kind not in "fiub":
            raise no_network(f"{name!r} holds {value.dtype}, no numbers")
        self.names[name] = self.script.constant(value, name, whole=whole)
        return self.names[name]

    def constant(self, node: TreeNode, value: Array | float, what: str) -> str:
        """Add a constant of an operator's own."""
        return self.script.constant(value, f"{node.outputs[0]}:{what}")

    def value(self, name: str) -> Array:
        """Look up what does not depend on the inputs."""
        if name not in self.still:
            raise no_network(f"{name!r} is expected to be a constant, but depends on the inputs")
        return self.still[name]

    def numbers(self, node: TreeNode, attribute: str, place: int) -> tuple[int, ...] | None:
        """Read whole numbers from an attribute, or from the input that newer versions take them from."""
        if attribute in node.attributes:
            return tuple(node.integers(attribute).tolist())
        if place < len(node.inputs) and node.inputs[place]:
            return tuple(int(each) for each in self.value(node.inputs[place]).ravel())
        return None

    def shaped(self, name: str, shape: Shape) -> str:
        """Name an input that depends on the rows, brought to a shape of one row."""
        return self.reshaped(self.operand(name), self.form(name), shape)

    def reshaped(self, ours: str, before: Shape, after: Shape, *, name: str = "") -> str:
        """Write a change of shape where there is one."""
        if before == after:
            return ours
        if len(after) == 1:
            return self.script.step("Flatten", ours, name=name or ours, axis=1)
        return self.script.step("Reshape", ours, name=name or ours, shape=after)

    def aligned(self, node: TreeNode, names: Sequence[str], output: str = "") -> list[str]:
        """Name inputs whose last axes stand under each other, with those of the output."""
        output = output or node.outputs[0]
        shape, is_led = self.shapes[output], self.is_led(output)
        found = []
        for name in names:
            if not self.moves(name):
                found.append(self._constant_under(name, len(shape)))
                continue
            padded = (1,) * (len(shape) - len(self.shapes[name])) + self.shapes[name]
            found.append(self.shaped(name, padded[1:] if is_led else padded or (1,)))
        return found

    def _constant_under(self, name: str, rank: int) -> str:
        value = self.value(name)
        if self.rows == 1 or value.ndim < rank or value.shape[0] == 1 or name in self.names:
            return self.operand(name)
        if (value != value[:1]).any():
            raise no_network(f"{name!r} is another for each of its {self.rows} rows")
        self.names[name] = self.script.constant(value[:1], name)
        return self.names[name]

    def placed(
        self, node: TreeNode, axes: Sequence[int], *, names: Sequence[str] = (), output: str = ""
    ) -> tuple[list[str], int]:
        """Name the inputs of an operator that works along axes, and say by how much those are further back in ours.

        Where the first axis is that of the rows on both sides and is left alone, by none: ours is the same. Otherwise
        the row's shape stands behind our rows as a whole, and :meth:`finish` brings the result to its form.
        """
        names, output = names or node.inputs[:1], output or node.outputs[0]
        moving = [name for name in names if self.moves(name)]
        rank = len(self.shapes[moving[0]])
        axes = [axis % max(rank, 1) for axis in axes]
        for name in moving:
            if self.grows.get(name, -1) in axes:
                raise no_network(f"a {node.operator} runs over the rows")
        if 0 not in axes and all(self.is_led(name) for name in [*moving, output]):
            return [self.operand(name) if self.moves(name) else self._constant_under(name, rank) for name in names], 0
        return [self.whole(name) for name in names], 1

    def whole(self, name: str) -> str:
        """Name an input with all the axes that the graph gives one row; a constant gets an axis for ours in front."""
        if not self.moves(name):
            return self.script.constant(self.value(name)[None], name)
        shape = self.shapes[name]
        if self.rows > 1:
            raise no_network(f"it takes {self.rows} rows at a time and moves them to another axis; export it for one")
        if name not in self._whole:
            self._whole[name] = self.reshaped(self.operand(name), self.form(name), shape or (1,))
        return self._whole[name]

    def finish(self, node: TreeNode, made: str, shift: int, *, output: str = "") -> None:
        """Take a result for what the operator makes; ``shift`` as :meth:`placed` gave it."""
        output = output or node.outputs[0]
        shape = self.form(output)
        self.names[output] = self.reshaped(made, self.shapes[output] or (1,), shape) if shift else made
