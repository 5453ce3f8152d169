"""Open an attack of another package by its name, such as ``foolbox.LinfPGD`` or ``art.DeepFool(max_iter=20)``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from holdfast.adapters.attacks.art import art_attack
from holdfast.adapters.attacks.foolbox import foolbox_attack
from holdfast.core.errors import InputError, MissingExtra, did_you_mean
from holdfast.core.network import ForeignAttack

FORM = "expected PACKAGE.ATTACK, with settings in brackets if any, as in foolbox.LinfPGD(steps=100)"
# By what a package is called: where its attacks stand, their base class, and how one is wrapped.
Package = tuple[str, str, Callable[[str, type[Any], Mapping[str, Any]], ForeignAttack]]
PACKAGES: Mapping[str, Package] = {
    "foolbox": ("foolbox.attacks", "Attack", foolbox_attack),
    "art": ("art.attacks.evasion", "EvasionAttack", art_attack),
}


def open_attack(name: str) -> ForeignAttack:
    """Open an attack.

    Parameters
    ----------
    name
        ``PACKAGE.ATTACK``, the name of a class, with its settings where they are not to be those of the package;
        settings are literals. How far a row may move is not among them: the threat says it.

    Raises
    ------
    InputError
        It is no such name, or there is no such package or attack.
    MissingExtra
        The package is not installed.
    """
    package, attack, settings = parsed(name)
    if package not in PACKAGES:
        raise InputError(f"{FORM}; there is no package {package!r} here", hint=did_you_mean(package, PACKAGES))
    place, base, wrapped = PACKAGES[package]
    try:
        module = import_module(place)
        known = getattr(import_module("art.attacks") if package == "art" else module, base)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtra(f"the attack {name}", "attacks") from None
    classes = {
        key: value for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, known)
    }
    if attack not in classes:
        raise InputError(f"{package} has no attack {attack!r}", hint=did_you_mean(attack, sorted(classes)))
    return wrapped(name, classes[attack], settings)


def parsed(name: str) -> tuple[str, str, dict[str, Any]]:
    """Split a name into package, attack and settings.

    Examples
    --------
    >>> parsed("foolbox.LinfPGD"), parsed("art.DeepFool(max_iter=20)")
    (('foolbox', 'LinfPGD', {}), ('art', 'DeepFool', {'max_iter': 20}))
    """
    try:
        said = ast.parse(name.strip(), mode="eval").body
        settings = {}
        if isinstance(said, ast.Call) and not said.args:
            settings = {str(word.arg): ast.literal_eval(word.value) for word in said.keywords}
            said = said.func
    except (SyntaxError, ValueError, RecursionError):
        said = ast.Constant(name)
    if not (isinstance(said, ast.Attribute) and isinstance(said.value, ast.Name)):
        raise InputError(f"{FORM}, got {name!r}", hint=f"packages: {', '.join(PACKAGES)}; settings are plain values")
    return said.value.id, said.attr, settings
