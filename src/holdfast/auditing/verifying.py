"""Verify an audit offline: the bundle alone, or the folder it stands in, against the keys one trusts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.errors import InputError
from holdfast.evidence.bundle import BUNDLE_NAME
from holdfast.evidence.keys import default_folder, known_public_keys, load_public_key
from holdfast.evidence.verify import verify_bundle


@dataclass(frozen=True, slots=True)
class VerifyOutcome:
    """What to print and to exit with."""

    text: str
    exit_code: int


def verify_audit(path: Path, *, keys: Sequence[Path], inputs: Mapping[str, Path]) -> VerifyOutcome:
    """Verify a bundle, and when a folder is given the files beside it too.

    Parameters
    ----------
    keys
        Public keys to trust; the user's own folder of keys when none is named.

    Raises
    ------
    InputError
        When there is no bundle or it is malformed.
    """
    bundle = path / BUNDLE_NAME if path.is_dir() else path
    if not bundle.is_file():
        raise InputError(f"no bundle at {bundle}", hint="give a bundle.holdfast or the folder of an audit")
    trusted = tuple(load_public_key(key) for key in keys) or known_public_keys(default_folder())
    found = verify_bundle(bundle, folder=path if path.is_dir() else None, inputs=inputs, trusted=trusted)
    lines = [*map(str, found.alterations), found.summary, *([found.ledger] if found.ledger else [])]
    return VerifyOutcome("\n".join(lines), found.exit_code)
