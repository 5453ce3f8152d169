"""Ask a network for scores and slopes: in chunks, counting what each point costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Tensor = Any
Forward = Callable[[Tensor], Tensor]
Loss = Literal["margin", "ce", "dlr"]
TINY = 1e-12
# Matrix products of this many rows, or a multiple, give each row the same bits whatever stands beside it.
ROWS = 4


class Aim(NamedTuple):
    """What a search climbs for each row: above zero (``margin``, ``dlr``) the answer has left the class."""

    loss: Loss
    """``margin`` of the logits, ``dlr`` (the margin over the spread of the logits), or ``ce``, the cross-entropy."""
    y: Tensor
    """Class to be left, shape ``(n,)``."""
    target: Tensor | None = None
    """Class to be reached, shape ``(n,)``; any other one if left out."""

    def at(self, rows: Tensor | slice) -> Aim:
        """Take some of the rows."""
        return Aim(self.loss, self.y[rows], None if self.target is None else self.target[rows])

    def value(self, logits: Tensor) -> Tensor:
        """Compute it, shape ``(n,)``.

        References
        ----------
        Croce, F. and Hein, M. (2020). Reliable evaluation of adversarial robustness with an ensemble of diverse
        parameter-free attacks. ICML, sections 4 (DLR) and 5; the margin is the loss of Carlini and Wagner (2017).
        """
        own = logits.gather(1, self.y[:, None])[:, 0]
        if self.loss == "ce":
            wanted = own if self.target is None else logits.gather(1, self.target[:, None])[:, 0]
            sign = 1.0 if self.target is None else -1.0
            return sign * (logits.logsumexp(1) - wanted)
        gap = rival(logits, self.y, self.target) - own
        if self.loss == "margin" or logits.shape[1] < 3:  # of two classes the margin is all the spread there is
            return gap
        ordered = logits.sort(1, descending=True).values
        low = ordered[:, min(2, ordered.shape[1] - 1)]
        if self.target is not None and ordered.shape[1] > 3:
            low = (low + ordered[:, 3]) / 2
        return gap / (ordered[:, 0] - low + TINY)


def rival(logits: Tensor, y: Tensor, target: Tensor | None) -> Tensor:
    """Score of the target, or the largest among the classes other than `y`."""
    if target is not None:
        return logits.gather(1, target[:, None])[:, 0]
    return logits.scatter(1, y[:, None], -torch.inf).max(1).values


class Slope(NamedTuple):
    """Answers to some rows, and where the aim rises."""

    logits: Tensor
    """Shape ``(n, k)``."""
    value: Tensor
    """Shape ``(n,)``; -inf where it is not a number."""
    gradient: Tensor
    """Of the rows' shape; 0 where it is not a number."""


class Asked:
    """A network in use.

    Parameters
    ----------
    forward : callable
        Rows ``(n, *shape)`` to logits ``(n, k)``. One column, ``(n,)`` or ``(n, 1)``, is the score of the second of two
        classes, positive where it is the answer.
    n_points : int
        Points under attack; each row asked belongs to one.
    chunk : int
        Rows of one call, at most. Halved where memory does not suffice, with the same answers.
    samples : int
        Calls averaged for one answer, for networks that answer at random (expectation over transformation).
    slopes_from : callable or None
        Differentiable stand-in whose slope is used (a smooth version of the preprocessing, or another network);
        answers always come from `forward`.
    """

    def __init__(
        self,
        forward: Forward,
        *,
        n_points: int,
        device: str | Any = "cpu",
        dtype: Any = torch.float32,
        chunk: int = 64,
        samples: int = 1,
        slopes_from: Forward | None = None,
    ) -> None:
        self.forward, self.slopes_from = forward, slopes_from
        self.device, self.dtype = torch.device(device), dtype
        self.chunk, self.samples = max(ROWS, chunk - chunk % ROWS), samples
        self.takes_logs = False
        self.forwards = np.zeros(n_points, dtype=np.int64)
        self.backwards = np.zeros(n_points, dtype=np.int64)
        self.not_finite = np.zeros(n_points, dtype=np.bool_)
        """Points for which an answer was not a number."""
        self.without_slope = np.zeros(n_points, dtype=np.int64)
        """Slopes of each point that were zero or not a number in every cell."""

    def begin(self, x: Tensor, points: Tensor) -> Tensor:
        """Ask about the points themselves; where all answers are probabilities, from now on take their logarithms.

        A softmax that is 1 to all digits hides the slope of its inputs, but not that of the logarithm.
        """
        logits = self.logits(x, points)
        sums = logits.double().sum(1)
        if bool(((logits >= 0).all(1) & ((sums - 1).abs() < 1e-3)).all()):
            self.takes_logs = True
            return _logs(logits)
        return logits

    def logits(self, x: Tensor, points: Tensor) -> Tensor:
        """Ask for scores, shape ``(n, k)``; row i belongs to point ``points[i]``."""
        self._count(self.forwards, points)
        with torch.no_grad():
            (logits,) = self._in_chunks(x, lambda rows, _: (self._mean(self.forward, rows),))
        self._note(logits, points)
        return logits

    def slope(self, x: Tensor, points: Tensor, aim: Aim) -> Slope:
        """Ask for scores and for the slope of the aim."""
        self._count(self.forwards, points)
        self._count(self.backwards, points)
        if self.slopes_from is not None:
            self._count(self.forwards, points)
        logits, value, gradient = self._in_chunks(x, lambda rows, at: self._slope(rows, aim.at(at)))
        self._note(logits, points)
        gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
        none = (gradient == 0).flatten(1).all(1)
        np.add.at(self.without_slope, points[none].cpu().numpy(), 1)
        return Slope(logits, torch.nan_to_num(value, nan=-torch.inf), gradient)

    def _slope(self, rows: Tensor, aim: Aim) -> tuple[Tensor, Tensor, Tensor]:
        rows = rows.detach().requires_grad_()
        with torch.enable_grad():
            try:
                logits = self._mean(self.slopes_from or self.forward, rows)
            except RuntimeError as error:
                if "requires grad" not in str(error):
                    raise
                # The network leaves torch on the way (``.numpy()``): it has no slope.
                logits = self._mean(self.forward, rows.detach())
            value = aim.value(logits)
            gradient = torch.zeros_like(rows)
            if value.requires_grad:
                (found,) = torch.autograd.grad(value.sum(), rows, allow_unused=True)
                gradient = gradient if found is None else found
        if self.slopes_from is not None:
            with torch.no_grad():
                logits = self._mean(self.forward, rows.detach())
            value = aim.value(logits)
        return logits.detach(), value.detach(), gradient

    def _mean(self, forward: Forward, rows: Tensor) -> Tensor:
        answers = [_two_columns(forward(rows), len(rows)) for _ in range(self.samples)]
        answer = answers[0] if self.samples == 1 else torch.stack(answers).mean(0)
        return _logs(answer) if self.takes_logs else answer

    def _in_chunks(self, x: Tensor, ask: Callable[[Tensor, Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Split rows, filling the last chunk up to a multiple of `ROWS` with copies of its last row."""
        done, parts = 0, []
        while done < len(x):
            end = min(done + self.chunk, len(x))
            at = torch.arange(done, done + -(-(end - done) // ROWS) * ROWS, device=self.device).clamp(max=end - 1)
            try:
                answers = ask(x[at], at)
            except (RuntimeError, MemoryError) as error:
                if not _is_memory(error) or self.chunk <= ROWS:
                    raise
                self.chunk = max(ROWS, self.chunk // 2 - self.chunk // 2 % ROWS)
                continue
            parts.append([answer[: end - done] for answer in answers])
            done = end
        return tuple(torch.cat(part) for part in zip(*parts, strict=True))

    def _count(self, counts: NDArray[np.int64], points: Tensor) -> None:
        np.add.at(counts, points.cpu().numpy(), self.samples)

    def _note(self, logits: Tensor, points: Tensor) -> None:
        bad = logits.isnan().any(1)
        if bad.any():
            self.not_finite[points[bad].cpu().numpy()] = True


def _two_columns(logits: Tensor, n: int) -> Tensor:
    if logits.ndim not in (1, 2) or len(logits) != n:
        raise ValueError(
            f"expected scores of shape ({n}, n_classes) for {n} rows, got {tuple(logits.shape)}; "
            "let the network return one row of logits for each input"
        )
    if logits.ndim == 2 and logits.shape[1] > 1:
        return logits
    score = logits.reshape(n, 1)
    return torch.cat([torch.zeros_like(score), score], 1)


def _logs(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()


def _is_memory(error: BaseException) -> bool:
    kind = getattr(torch, "OutOfMemoryError", MemoryError)
    return isinstance(error, MemoryError | kind) or "alloc" in str(error).lower()


def leaves(logits: Tensor, y: Tensor) -> Tensor:
    """Tell which answers are another class; a tie is answered with the first class, and NaN with none."""
    return (logits.argmax(1) != y) & ~logits.isnan().any(1)
