"""Where, for whom and on what terms the model runs: the part of ``holdfast.yaml`` that tailors the audit.

Plain data; parsing with unknown keys refused happens in :mod:`holdfast.core.parse`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The deployment profile. Everything has a default; ``holdfast init`` guesses it from the data and says why.

    Attributes
    ----------
    purpose, affected
        What decision the model serves and who lives with it, in words.
    task
        ``auto`` infers it from the target column.
    modality
        Kind of input.
    exposure
        Who can send queries: anyone (``public_api``), colleagues (``internal``), nobody directly (``batch``), or
        whoever holds the device (``edge``).
    returns
        What a query returns to the caller.
    sensitivity
        Sensitivity of the training data: ``special`` for GDPR Article 9 categories.
    jurisdictions
        For example ``EU``, ``US-NY``.
    id, time, group
        Columns that identify a row, order rows in time, and tie rows together that must not be split.
    sensitive
        Attributes for fairness: columns of the test table.
    quasi_identifiers
        Columns that others may know of a person and find a row by; guessed by their names otherwise.
    population
        Whom the model is for: per column the share of each category, such as ``sex: {Female: 0.51, Male: 0.49}``; of
        numbers ``age: {<18: 0.2, 18-64: 0.6, 65+: 0.2}``.
    immutable
        Inputs an attacker or applicant cannot change.
    ranges
        Valid range per numeric input, the training range otherwise; one value twice fixes the input.
    integer
        Numeric inputs that take whole numbers only; columns of integers always do.
    directions
        Inputs that can only grow (``up``) or shrink (``down``).
    costs
        How dear a change of an input is, 1 otherwise: of a number per unit of distance, of a category per change.
    one_hot
        Groups of inputs of which exactly one is 1; a group with an immutable or sensitive column does not change.
    relations
        What holds between the inputs of every real row, such as ``loan <= 5 * income``.
    threat
        Who would change inputs: nobody on purpose (``measurement``), an applicant who games the form (``applicant``),
        or an attacker with full control (``control``); the check's own budget otherwise.
    text
        Inputs that hold free text.
    image_shape
        Channels, height and width of the images whose pixels are the inputs, where neither table nor model tells.
    ignore
        Columns of the tables that are no inputs.
    classes
        Class labels in the order of the model's scores, for formats that carry none.
    positive
        The favourable or positive label of a binary task; the last class otherwise.
    """

    purpose: str = ""
    affected: str = ""
    task: Literal["auto", "binary", "multiclass", "regression"] = "auto"
    modality: Literal["tabular", "text", "image"] = "tabular"
    exposure: Literal["public_api", "internal", "batch", "edge"] = "internal"
    returns: Literal["label", "probabilities", "gradients"] = "probabilities"
    sensitivity: Literal["public", "internal", "personal", "special"] = "personal"
    jurisdictions: tuple[str, ...] = ()
    id: str | None = None
    time: str | None = None
    group: str | None = None
    sensitive: tuple[str, ...] = ()
    quasi_identifiers: tuple[str, ...] = ()
    population: dict[str, dict[str, float]] = field(default_factory=dict)
    immutable: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    integer: tuple[str, ...] = ()
    directions: dict[str, Literal["up", "down"]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    one_hot: tuple[tuple[str, ...], ...] = ()
    relations: tuple[str, ...] = ()
    threat: Literal["measurement", "applicant", "control"] | None = None
    text: tuple[str, ...] = ()
    image_shape: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ()
    classes: tuple[str | int | float | bool, ...] = ()
    positive: str | int | float | bool | None = None
