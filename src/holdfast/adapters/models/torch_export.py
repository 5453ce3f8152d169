"""The neural network in a PyTorch module, as plain data, from the graph that ``torch.export`` makes of it.

Operators are those of ATen, before they are taken apart further; shapes stand beside each node.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.network_writing import Script
from holdfast.adapters.models.torch_steps import N_ROWS, WRITERS, Sight, shape_of
from holdfast.core.network import NetworkLink, RawNetwork


def read_module(
    module: Any, *, row: tuple[int, ...], link: NetworkLink, before: Callable[[Script], str] | None = None
) -> RawNetwork:
    """Read the network of a module in eval mode.

    Parameters
    ----------
    row
        Shape of one row as the table gives it.
    link
        What the output is; a softmax or sigmoid at the end is left out.
    before
        Writes what is done to the rows before the module gets them, and names it.

    Raises
    ------
    NotRun
        When the module cannot be exported, or uses an operator that is not known; it is named.
    """
    import torch

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.export.export(module, (torch.zeros((N_ROWS, *row)),))
    except Exception as error:  # whatever the module's own code does while it is traced
        said = " ".join(str(error).split())[:300]
        raise no_network(f"torch.export cannot trace it: {type(error).__name__}: {said}") from None
    return read_program(program, row=row, link=link, before=before)


def read_program(
    program: Any, *, row: tuple[int, ...], link: NetworkLink, before: Callable[[Script], str] | None = None
) -> RawNetwork:
    """Read the network of an exported program; see :func:`read_module`."""
    sight, nodes = Sight(Script()), list(program.graph.nodes)
    moving = _sort_inputs(program, nodes, sight)
    calls = [node for node in nodes if node.op == "call_function"]
    for node in calls:
        if moving.intersection(node.all_input_nodes):
            moving.add(node)
    unknown = sorted({_operator(node) for node in calls if node in moving} - WRITERS.keys())
    if unknown:
        raise no_network(f"it uses {', '.join(unknown)}, which {'is' if len(unknown) == 1 else 'are'} not known here")
    first = "input" if before is None else before(sight.script)
    sight.names = {node: first for node in moving if node.op == "placeholder"}
    for node in calls:
        if node in moving:
            sight.names[node] = WRITERS[_operator(node)](sight, node, _given(node))
        else:
            sight.still[node] = _computed(node, sight)
    (outputs,) = nodes[-1].args
    if len(outputs) != 1 or outputs[0] not in moving:
        raise no_network(f"it gives {len(outputs)} tensors, expected one that depends on its inputs")
    return sight.script.finished(sight.names[outputs[0]], shape=shape_of(outputs[0])[1:], row=row, link=link)


def _sort_inputs(program: Any, nodes: list[Any], sight: Sight) -> set[Any]:
    """Look weights up; return the one input that is neither weight nor constant."""
    signature = program.graph_signature
    stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    stored |= signature.inputs_to_lifted_tensor_constants
    rest = []
    for node in nodes:
        if node.op != "placeholder":
            continue
        if node.name in stored:
            place = stored[node.name]
            sight.still[node] = program.state_dict[place] if place in program.state_dict else program.constants[place]
        else:
            rest.append(node)
    if len(rest) != 1:
        raise no_network(f"it takes {len(rest)} inputs, expected one batch of rows")
    return set(rest)


def _operator(node: Any) -> str:
    schema = getattr(node.target, "_schema", None)
    name = schema.name if schema is not None else getattr(node.target, "__name__", str(node.target))
    return str(name).removeprefix("aten::").removesuffix("_") if str(name).startswith("aten::") else str(name)


def _given(node: Any) -> dict[str, Any]:
    """Give each argument its name, and those that are left out their default."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return {str(place): value for place, value in enumerate(node.args)}
    given = {each.name: each.default_value for each in schema.arguments}
    given |= dict(zip(given, node.args, strict=False))
    return given | dict(node.kwargs)


def _computed(node: Any, sight: Sight) -> Any:
    """Compute what does not depend on the rows."""
    import torch
    from torch.utils._pytree import tree_map

    with torch.no_grad():
        return node.target(*tree_map(sight.plain, node.args), **tree_map(sight.plain, dict(node.kwargs)))
