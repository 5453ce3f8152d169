"""A network while it is written: steps and constants under names that are given once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models.network_arrays import no_network
from holdfast.core.network import Attribute, NetworkLink, RawNetwork, Step

Array = NDArray[Any]
LONGEST_NAME = 200
LARGEST = np.finfo(np.float32).max


@dataclass(slots=True)
class Script:
    """What was written so far."""

    steps: list[Step] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {"input"})

    def step(self, op: str, *inputs: str, name: str, **attributes: Attribute) -> str:
        """Write a step; return the name of what it makes, which is ``name`` where that is free."""
        output = self._free(name)
        self.steps.append(Step(op=op, inputs=inputs, output=output, attributes=attributes))
        return output

    def constant(self, value: Array | float, name: str, *, whole: bool = False) -> str:
        """Add a constant, in single precision or of whole numbers; return its name.

        Infinity, as masks have it, becomes the largest number: nothing that is added to it makes a difference either.
        """
        free = self._free(name)
        array = np.array(value, dtype=np.int64 if whole else np.float32, order="C")
        self.constants[free] = array if whole else np.clip(array, -LARGEST, LARGEST)
        return free

    def standardised(self, x: str, axes: tuple[int, ...], *, epsilon: float, name: str) -> str:
        """Write that numbers along axes are shifted and scaled to the mean 0 and the variance 1."""
        centred = self.step("Sub", x, self.step("ReduceMean", x, name=f"{name}:mean", axes=axes, keepdims=1), name=name)
        squared = self.step("Mul", centred, centred, name=name)
        variance = self.step("ReduceMean", squared, name=f"{name}:variance", axes=axes, keepdims=1)
        shifted = self.step("Add", variance, self.constant(epsilon, f"{name}:epsilon"), name=name)
        return self.step("Div", centred, self.step("Sqrt", shifted, name=name), name=name)

    def by_channel(self, x: str, scale: Array, shift: Array, *, rank: int, name: str) -> str:
        """Write a factor and a summand for each channel, the second of ``rank`` axes."""
        shape = (-1,) + (1,) * (rank - 2)
        scaled = self.step("Mul", x, self.constant(scale.reshape(shape), f"{name}:scale"), name=name)
        return self.step("Add", scaled, self.constant(shift.reshape(shape), f"{name}:shift"), name=name)

    def finished(self, output: str, *, shape: tuple[int, ...], row: tuple[int, ...], link: NetworkLink) -> RawNetwork:
        """Leave out the function at the end that makes probabilities of the scores, and what the scores do not need.

        ``shape`` is that of the scores of one row.

        Raises
        ------
        NotRun
            When there are no scores, or nothing computes them.
        """
        steps, is_single = _needed(self.steps, output), shape in ((), (1,))
        if len(shape) > 1 or not steps:
            raise no_network(f"it gives scores of the shape {shape} for each row, expected one row of scores")
        last = steps[-1].op
        if link in ("probabilities", "probability") and last in ("Softmax", "LogSoftmax", "Sigmoid"):
            if last == "Sigmoid" and is_single:
                steps, link = _needed(steps[:-1], steps[-1].inputs[0]), "sigmoid"
            elif last != "Sigmoid" and not is_single:
                steps, link = _needed(steps[:-1], steps[-1].inputs[0]), "logits"
        if link == "probabilities" and (logit := self._logit_of_pair(steps)):
            steps, link = _needed(steps, logit), "sigmoid"
        if not steps:
            raise no_network("nothing stands between its inputs and the function at its end")
        used = {each for step in steps for each in step.inputs}
        constants = {each: value for each, value in self.constants.items() if each in used}
        return RawNetwork(steps=tuple(steps), constants=constants, input_shape=row, output=steps[-1].output, link=link)

    def _logit_of_pair(self, steps: Sequence[Step]) -> str:
        """Name what stands in front of the sigmoid where the scores are ``(1 - p, p)`` of it; nothing otherwise."""
        made = {step.output: step for step in steps}
        last = steps[-1]
        if last.op != "Concat" or len(last.inputs) != 2:
            return ""
        rest, sigmoid = (made.get(name) for name in last.inputs)
        if rest is None or sigmoid is None or (rest.op, sigmoid.op) != ("Sub", "Sigmoid"):
            return ""
        one = self.constants.get(rest.inputs[0], np.zeros(0))
        is_rest = rest.inputs[1] == sigmoid.output and one.size == 1 and one.item() == 1
        return sigmoid.inputs[0] if is_rest else ""

    def _free(self, name: str) -> str:
        name = name[:LONGEST_NAME]
        stem, count = name, 1
        while name in self._taken:
            count += 1
            name = f"{stem}:{count}"
        self._taken.add(name)
        return name


def _needed(steps: Sequence[Step], output: str) -> list[Step]:
    """Keep the steps that the output depends on, which is the last one's."""
    wanted, kept = {output}, []
    for step in reversed(steps):
        if step.output in wanted:
            wanted.update(step.inputs)
            kept.append(step)
    return kept[::-1]
