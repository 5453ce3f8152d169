"""Skops files: scikit-learn objects without pickle, loaded when every type in them is known to be harmless."""

from __future__ import annotations

from zipfile import BadZipFile

from holdfast.adapters.models.adapter import Adapter
from holdfast.core.errors import InputError, MissingExtra


def load(data: bytes, *, trusted: bool) -> Adapter:
    """Load an estimator; types that skops does not know are refused by name unless the user trusts the file."""
    try:
        import skops.io
    except ModuleNotFoundError as error:
        if error.name not in ("skops", "skops.io"):
            raise
        raise MissingExtra("reading a skops file", "skops") from None
    from holdfast.adapters.models.recognition import adapter_for

    try:
        unknown = sorted(skops.io.get_untrusted_types(data=data))
    except (BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"this is not a readable skops file: {error}", hint="write it with skops.io.dump") from None
    if unknown and not trusted:
        raise InputError(
            f"the skops file holds types that are not known to be harmless: {', '.join(unknown)}",
            hint="look at them; if you trust who made the file, pass --trust-pickle",
        )
    return adapter_for(skops.io.loads(data, trusted=unknown), format="skops")
