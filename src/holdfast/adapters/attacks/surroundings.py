"""What attacks of other packages expect around them: a module of PyTorch, and generators of their own."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from holdfast.core.errors import HoldfastError, InputError, NotRun

NORMS = {"linf": float("inf"), "l2": 2.0, "l1": 1.0}


def as_module(forward: Callable[[Any], Any]) -> Any:
    """Return a function as a module without parameters, in eval mode."""
    import torch

    module = torch.nn.Module()
    module.forward = forward
    return module.eval()


@contextmanager
def surroundings(name: str, seed: int) -> Iterator[None]:
    """Run a package: its draws repeat and leave ours alone, its warnings are not shown, its faults are named.

    Raises
    ------
    NotRun
        For any error of the package.
    """
    import numpy as np
    import torch

    before, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002  (the packages draw from it)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        except HoldfastError:
            raise
        except Exception as error:
            said = str(error).partition("\n")[0] or type(error).__name__
            raise NotRun(f"{name} failed: {said}", hint="see whether its settings suit this network") from error
        finally:
            random.setstate(before)
            np.random.set_state(numbers)  # noqa: NPY002


def made(name: str, attack: Callable[..., Any], *given: Any, **settings: Any) -> Any:
    """Make an attack with its settings; ``InputError`` where it does not take them."""
    try:
        return attack(*given, **settings)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be made: {error}", hint="give its settings in brackets, by name") from None
