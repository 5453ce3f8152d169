"""Recurrent layers: their states after each element of a sequence.

Weights are laid out as in the ONNX standard: gates input, output, forget, cell of ``LSTM``; update, reset, hidden of
``GRU``. Sequences are ``(n, length, n_sequences, width)``, states ``(n, length, n_directions, n_sequences, hidden)``.

References
----------
ONNX, Operators.md, LSTM, GRU and RNN, opset 14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Attributes = Mapping[str, Any]


def _directed(a: Attributes, x: Tensor, run: Callable[[int, Tensor], Tensor]) -> Tensor:
    """Run over the sequence in each direction; a backward one is given the sequence turned round, and turned back."""
    direction = str(a.get("direction", "forward"))
    turned = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[direction]
    found = [run(i, x.flip(1) if back else x) for i, back in enumerate(turned)]
    return torch.stack([each.flip(1) if back else each for each, back in zip(found, turned, strict=True)], dim=2)


def _lstm(a: Attributes, x: Tensor, w: Tensor, r: Tensor, b: Tensor, start: Tensor, start_cell: Tensor) -> Tensor:
    wants_cell = bool(a.get("cell", 0))

    def run(i: int, x: Tensor) -> Tensor:
        given = x @ w[i].T + b[i].reshape(2, -1).sum(dim=0)
        state, cell, found = _of_rows(start[:, i], x), _of_rows(start_cell[:, i], x), []
        for t in range(x.shape[1]):
            inward, outward, forget, new = (given[:, t] + state @ r[i].T).chunk(4, dim=-1)
            cell = torch.sigmoid(forget) * cell + torch.sigmoid(inward) * torch.tanh(new)
            state = torch.sigmoid(outward) * torch.tanh(cell)
            found.append(cell if wants_cell else state)
        return torch.stack(found, dim=1)

    return _directed(a, x, run)


def _gru(a: Attributes, x: Tensor, w: Tensor, r: Tensor, b: Tensor, start: Tensor) -> Tensor:
    after = bool(a.get("linear_before_reset", 0))
    hidden = r.shape[-1]

    def run(i: int, x: Tensor) -> Tensor:
        of_input, of_state = b[i].chunk(2)
        given = x @ w[i].T + of_input
        state, found = _of_rows(start[:, i], x), []
        for t in range(x.shape[1]):
            gates = given[:, t, :, : 2 * hidden] + state @ r[i, : 2 * hidden].T + of_state[: 2 * hidden]
            update, reset = torch.sigmoid(gates).chunk(2, dim=-1)
            inner, bias = r[i, 2 * hidden :].T, of_state[2 * hidden :]
            kept = reset * (state @ inner + bias) if after else (reset * state) @ inner + bias
            state = (1 - update) * torch.tanh(given[:, t, :, 2 * hidden :] + kept) + update * state
            found.append(state)
        return torch.stack(found, dim=1)

    return _directed(a, x, run)


def _rnn(a: Attributes, x: Tensor, w: Tensor, r: Tensor, b: Tensor, start: Tensor) -> Tensor:
    def run(i: int, x: Tensor) -> Tensor:
        given = x @ w[i].T + b[i].reshape(2, -1).sum(dim=0)
        state, found = _of_rows(start[:, i], x), []
        for t in range(x.shape[1]):
            state = torch.tanh(given[:, t] + state @ r[i].T)
            found.append(state)
        return torch.stack(found, dim=1)

    return _directed(a, x, run)


def _of_rows(start: Tensor, x: Tensor) -> Tensor:
    return start.expand(x.shape[0], *start.shape[1:])


RECURRENT: Mapping[str, Callable[..., Tensor]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
