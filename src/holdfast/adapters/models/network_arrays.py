"""Networks as plain data: sent by the child, and checked by its parent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from holdfast.adapters.models import wire
from holdfast.core.errors import ModelError, NotRun
from holdfast.core.network import Attribute, NetworkLink, RawNetwork, Step
from holdfast.core.subject import ModelInfo

Array = NDArray[np.generic]
LARGEST_NETWORK = 1 << 31
MOST_CELLS = 1 << 24
MOST_AXES = 8
LONGEST_NAME, LONGEST_LIST = 300, 64
LARGEST_INTEGER = 1 << 40
FALLING_BACK = "the attack that only asks for answers needs no gradients"


def to_message(network: RawNetwork) -> tuple[dict[str, Any], list[bytes]]:
    """Write a network as a reply of the child.

    Raises
    ------
    NotRun
        When it has more steps than a message may describe.
    """
    names = {kind: [name for name, each in network.constants.items() if each.dtype.kind == kind] for kind in "fi"}
    header = {
        "ok": True,
        "link": network.link,
        "input_shape": list(network.input_shape),
        "output": network.output,
        "steps": [[step.op, list(step.inputs), step.output, dict(step.attributes)] for step in network.steps],
        "constants": {name: [kind, list(network.constants[name].shape)] for kind in "fi" for name in names[kind]},
    }
    if len(json.dumps(header).encode()) > wire.LARGEST_HEADER:
        raise no_network(f"it has {len(network.steps)} operators, more than can be described")
    parts = (
        np.concatenate([np.zeros(0, dtype), *(network.constants[name].astype(dtype).ravel() for name in names[kind])])
        for kind, dtype in (("f", np.float32), ("i", np.int64))
    )
    return header, [wire.encode_array(part) for part in parts]


def from_message(header: Mapping[str, Any], parts: Sequence[bytes]) -> RawNetwork:
    """Read a network that a child sent, which may be hostile.

    Raises
    ------
    ModelError
        When it is none: see :func:`checked`.
    """
    try:
        arrays = [wire.decode_array(part) for part in parts]
    except wire.WireError as error:
        raise ModelError(f"the model's process sent an unreadable network: {error}") from None
    if [(array.dtype.str.lstrip("<"), array.ndim) for array in arrays] != [("f4", 1), ("i8", 1)]:
        raise ModelError("the model's process sent other arrays than the two of a network")
    try:
        return checked(
            RawNetwork(
                steps=tuple(_step(*each) for each in header["steps"]),
                constants=_constants(header["constants"], dict(zip("fi", arrays, strict=True))),
                input_shape=_shape(header["input_shape"]),
                output=_name(header["output"]),
                link=_link(header["link"]),
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"the model's process sent a network that cannot be used: {str(error)[:200]}") from None


def checked(network: RawNetwork) -> RawNetwork:
    """Refuse what is no network: steps that use what nothing computes, weights that are no numbers.

    Whether the steps fit each other's shapes is for :func:`holdfast.kernels.torch_networks.forward.shapes` to see.

    Raises
    ------
    ModelError
        Saying what is wrong.
    """
    known = {"input", *network.constants}
    if "input" in network.constants:
        raise ModelError("the model's network cannot be used: a constant is called 'input'")
    for step in network.steps:
        unknown = [name for name in step.inputs if name not in known]
        if unknown or step.output in known or not step.inputs:
            what = f"takes {unknown[0]!r}, which nothing computes" if unknown else "takes nothing, or is computed twice"
            raise ModelError(f"the model's network cannot be used: {step.output!r} ({step.op}) {what}"[:500])
        known.add(step.output)
    if not network.steps or network.steps[-1].output != network.output:
        raise ModelError("the model's network cannot be used: its scores are not what its last step computes")
    if not network.input_shape or not 1 <= math.prod(network.input_shape) <= MOST_CELLS:
        raise ModelError(f"the model's network cannot be used: its rows have the shape {network.input_shape}")
    if any(array.dtype.kind == "f" and not np.isfinite(array).all() for array in network.constants.values()):
        raise ModelError("the model's network cannot be used: some of its weights are infinite or no numbers")
    return network


def require(info: ModelInfo) -> None:
    """Refuse a model that has no network to read.

    Raises
    ------
    NotRun
        Naming the kind of model.
    """
    if "gradients" not in info.capabilities:
        raise no_network(f"this {info.format} model is no neural network whose operators are all known")


def no_network(reason: str) -> NotRun:
    """Build the refusal of a network that is not read."""
    return NotRun(f"the model cannot be differentiated: {reason}", hint=FALLING_BACK)


def _step(op: object, inputs: object, output: object, attributes: object) -> Step:
    if not isinstance(op, str) or not op.isidentifier() or not isinstance(inputs, list):
        raise ValueError(f"a step of the operator {str(op)[:80]!r}")
    if not isinstance(attributes, dict):
        raise TypeError(f"attributes of {op} that are no mapping")
    named = {_name(name): _attribute(value) for name, value in attributes.items()}
    return Step(op=op[:LONGEST_NAME], inputs=tuple(map(_name, inputs)), output=_name(output), attributes=named)


def _attribute(value: object) -> Attribute:
    if isinstance(value, list) and len(value) <= LONGEST_LIST:
        numbers = [_number(each) for each in value]
        return tuple(numbers)
    return value[:LONGEST_NAME] if isinstance(value, str) else _number(value)


def _number(value: object) -> int | float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if type(value) is int and abs(value) <= LARGEST_INTEGER:
        return value
    raise ValueError(f"{str(value)[:80]} as an attribute")


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise ValueError(f"{str(value)[:80]!r} as a name")
    return value


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > MOST_AXES:
        raise TypeError(f"{str(value)[:80]} as a shape")
    if any(type(size) is not int or not 0 <= size <= LARGEST_NETWORK for size in value):
        raise ValueError(f"{str(value)[:80]} as a shape")
    return tuple(value)


def _link(value: object) -> NetworkLink:
    if value not in get_args(NetworkLink):
        raise ValueError(f"the link {str(value)[:80]!r}")
    return value  # type: ignore[return-value]  # one of its values, as was just seen


def _constants(stated: Mapping[str, list[object]], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Cut the constants out of the arrays that hold those of one kind one behind the other."""
    found: dict[str, Array] = {}
    start = dict.fromkeys(arrays, 0)
    for name, (kind, sizes) in stated.items():
        shape, array = _shape(sizes), arrays[str(kind)]
        end = start[str(kind)] + math.prod(shape)
        if end > array.size:
            raise ValueError(f"a constant of the shape {shape}, for which too few numbers came")
        found[_name(name)] = array[start[str(kind)] : end].reshape(shape)
        start[str(kind)] = end
    if any(start[kind] != array.size for kind, array in arrays.items()):
        raise ValueError("more numbers than its constants have")
    return found
