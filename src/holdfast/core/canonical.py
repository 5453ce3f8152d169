"""One byte form for everything that is digested or signed: JSON canonicalisation after RFC 8785.

References
----------
Rundgren, Jordan, Erdtman (2020), RFC 8785, JSON Canonicalization Scheme. Numbers follow section 3.2.2.3 (ECMAScript),
property order section 3.2.3 (UTF-16 code units). Integers whose magnitude exceeds 2^53 are written as strings, because
a double cannot hold them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

LARGEST_EXACT_INTEGER = 2**53


def to_plain(value: Any) -> Any:
    """Turn dataclasses, mappings and sequences into dictionaries and lists of JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (bytes, bytearray)):
        return [to_plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    raise TypeError(f"expected a JSON value, got {type(value).__name__}: {value!r:.80}")


def canonical_json(value: Any) -> bytes:
    """Write a value in the one canonical form.

    Raises
    ------
    ValueError
        For NaN and infinities, which JSON does not have: an open end of an interval is ``None``.

    Examples
    --------
    >>> canonical_json({"b": 1.0, "a": [1e-7, True, None]})
    b'{"a":[1e-7,true,null],"b":1}'
    """
    return _write(to_plain(value)).encode("utf-8")


def digest_of(value: Any) -> str:
    """Digest the canonical form: ``sha256:`` and 64 hexadecimal digits."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes | memoryview) -> str:
    """Digest bytes: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _write(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(int(value)) if abs(value) <= LARGEST_EXACT_INTEGER else f'"{int(value)}"'
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_write(value[key])}" for key in keys) + "}"
    return "[" + ",".join(map(_write, value)) + "]"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}; write an open end as None")
    if value == 0:
        return "0"
    mantissa, _, exponent_text = f"{value!r}".partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # `point` is n of ECMAScript Number::toString: value = 0.digits x 10^n
    leading_zeros = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    point = len(whole) + int(exponent_text or 0) - leading_zeros
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + exponent
