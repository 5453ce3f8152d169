"""Operators that compare, choose and round: their results are steps.

Slopes of comparisons are 0, those of a choice are those of what was chosen. Rounding passes the slope of what was
rounded on (straight-through), for that of a step says nothing of where it leads.

Truth is 1 and falsehood 0, as numbers of the type that the network is computed in; codes are whole numbers of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, cast

import torch
from torch import Tensor

Attributes = Mapping[str, Any]


def _compared(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda a, x, y: function(x, y).to(x.dtype if x.is_floating_point() else y.dtype)


def _logical(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda a, x, y: function(x != 0, y != 0).to(x.dtype)


def _mod(a: Attributes, x: Tensor, y: Tensor) -> Tensor:
    # the sign is that of the divisor, or as C has it that of the number
    return torch.fmod(x, y) if a.get("fmod", 0) else torch.remainder(x, y)


def _embedding(a: Attributes, codes: Tensor, table: Tensor) -> Tensor:
    """Rows of a table ``(n_codes, width)`` for codes ``(n, m)``."""
    return table[_places(codes, table.shape[0])]


def _gather_elements(a: Attributes, x: Tensor, places: Tensor) -> Tensor:
    axis = int(a["axis"])
    if axis % x.dim() == 0:
        raise ValueError("an operator that chooses among rows")
    if places.shape[0] != x.shape[0]:
        places = places.expand(x.shape[0], *places.shape[1:])
    return torch.gather(x, axis, _places(places, x.shape[axis]))


def _places(codes: Tensor, size: int) -> Tensor:
    # the remainder keeps a wrong place of a hostile network from ending the whole process of a GPU
    return codes.detach().nan_to_num(0.0).to(torch.int64) % size


def _top_k(a: Attributes, x: Tensor) -> Tensor:
    """The largest numbers along an axis in order, or their places."""
    found = torch.topk(x, int(a["k"]), dim=int(a["axis"]), largest=bool(a.get("largest", 1)), sorted=True)
    return found.indices.to(x.dtype) if a.get("places", 0) else found.values


class _Stepped(torch.autograd.Function):  # type: ignore[misc]
    """A step function of numbers, with the slope 1, or 0 where they lie outside [-reach, reach].

    References
    ----------
    Bengio, Leonard and Courville (2013). Estimating or propagating gradients through stochastic neurons, section 2
    (straight-through). Hubara et al. (2016). Binarized neural networks, section 2.3, for the sign. Athalye, Carlini and
    Wagner (2018). Obfuscated gradients give a false sense of security, section 4.1, for attacks.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor], reach: float) -> Tensor:
        if reach < inf:
            ctx.save_for_backward(x.abs() <= reach)
        return function(x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        return slope * ctx.saved_tensors[0] if ctx.saved_tensors else slope, None, None


def _stepped(function: Callable[[Tensor], Tensor], reach: float = inf) -> Callable[..., Tensor]:
    return lambda a, x: cast("Tensor", _Stepped.apply(x, function, reach))


def _quantised(a: Attributes, x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """The nearest of some whole numbers, with the slope of what was not rounded."""
    return torch.clamp(CHOICES["Round"](a, x / scale) + zero, float(a["low"]), float(a["high"]))


CHOICES: Mapping[str, Callable[..., Tensor]] = {
    "Where": lambda a, which, x, y: torch.where(which != 0, x, y),
    "Equal": _compared(torch.eq),
    "Greater": _compared(torch.gt),
    "GreaterOrEqual": _compared(torch.ge),
    "Less": _compared(torch.lt),
    "LessOrEqual": _compared(torch.le),
    "And": _logical(torch.logical_and),
    "Or": _logical(torch.logical_or),
    "Xor": _logical(torch.logical_xor),
    "Not": lambda a, x: (x == 0).to(x.dtype),
    "IsNaN": lambda a, x: torch.isnan(x).to(x.dtype),
    "Mod": _mod,
    "Max": lambda a, x, y: torch.maximum(x, y),
    "Min": lambda a, x, y: torch.minimum(x, y),
    "Embedding": _embedding,
    "GatherElements": _gather_elements,
    "TopK": _top_k,
    "Round": _stepped(torch.round),
    "Floor": _stepped(torch.floor),
    "Ceil": _stepped(torch.ceil),
    "Sign": _stepped(torch.sign, 1.0),
    "QuantizeLinear": _quantised,
}
