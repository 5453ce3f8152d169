"""Errors, one class for each different reaction of the caller.

Every message says what was expected, what came, where, and the next step. A hint, where there is one, stands apart
so that an interface can print it on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HoldfastError(Exception):
    """Anything that Holdfast reports on purpose.

    Parameters
    ----------
    message
        What was expected, what came and where, in one or two sentences.
    hint
        The next step for the reader; empty when the message says it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n\nhint: {self.hint}" if self.hint else self.message


class InputError(HoldfastError):
    """The user's input cannot be used as it is: mend the file, the option or the name."""


class ModelError(HoldfastError):
    """The model under evaluation misbehaved: it crashed, ran over a limit, or answered in a wrong shape."""


class EndpointError(ModelError):
    """The model's endpoint cannot be asked now (down, throttling, refusing the credentials); later it may answer."""


class BudgetError(HoldfastError):
    """The work or time that this run may spend is used up."""


class NotApplicable(HoldfastError):
    """The question makes no sense for this subject; no input would change that.

    Raised by a check; the runner turns it into a finding. ``hint`` says for which subjects the check is meant.
    """


class NotRun(HoldfastError):
    """The question makes sense but cannot be answered with what was given; ``hint`` says what is needed."""


class MissingExtra(HoldfastError):
    """An optional dependency is absent."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs an optional dependency that is not installed", hint=f"pip install 'holdfast[{extra}]'"
        )


def did_you_mean(name: str, choices: Iterable[object]) -> str:
    """Name the closest of the valid choices, or list them when nothing is close.

    Examples
    --------
    >>> did_you_mean("incmoe", ["age", "income"])
    "did you mean 'income'?"
    >>> did_you_mean("bill", ["model", "bill_of_materials"])
    "did you mean 'bill_of_materials'?"
    """
    valid = [str(choice) for choice in choices]
    close = get_close_matches(name, valid, n=1, cutoff=0.6) or get_close_matches(name.lower(), valid, n=1, cutoff=0.6)
    close = close or [choice for choice in valid if len(name) > 1 and choice.lower().startswith(name.lower())]
    if close:
        return f"did you mean {' or '.join(map(repr, close[:3]))}?"
    shown = ", ".join(repr(choice) for choice in valid[:20])
    return f"valid choices: {shown}{', …' if len(valid) > 20 else ''}" if valid else "there are no valid choices"
