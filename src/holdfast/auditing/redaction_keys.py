"""Where the keys for personal data come from: a file readable by its owner only, or the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from holdfast.core.errors import InputError
from holdfast.evidence.keys import read_key_file
from holdfast.evidence.writing import write_durably
from holdfast.redaction.keys import KeyRing, new_key, read_ring, write_ring

FILE_VARIABLE = "HOLDFAST_PII_KEY_FILE"
CONTENT_VARIABLE = "HOLDFAST_PII_KEYS"


def load_keys(path: Path | None, environment: Mapping[str, str] | None = None) -> KeyRing | None:
    """Read the keys of a file; else of that named by HOLDFAST_PII_KEY_FILE; else the content of HOLDFAST_PII_KEYS.

    Returns
    -------
    KeyRing or None
        ``None`` when none of them is given.

    Raises
    ------
    InputError
        When the file is absent, readable by others, or no key file.
    """
    variables = os.environ if environment is None else environment
    chosen = path or (Path(variables[FILE_VARIABLE]) if variables.get(FILE_VARIABLE) else None)
    if chosen is None:
        content = variables.get(CONTENT_VARIABLE)
        return read_ring(content, source=f"the variable {CONTENT_VARIABLE}") if content else None
    data = read_key_file(chosen, hint="make one with `holdfast pii keys`")
    if os.name != "nt" and chosen.stat().st_mode & 0o077:
        raise InputError(f"expected {chosen} to be readable by its owner only", hint=f"run `chmod 600 {chosen}`")
    return read_ring(data, source=str(chosen))


def create_keys(path: Path) -> KeyRing:
    """Write a new key file with one key.

    Raises
    ------
    InputError
        When a file is there already: what was encrypted under a key that is lost cannot be read again.
    """
    if path.exists():
        raise InputError(
            f"{path} exists, and keys are never overwritten",
            hint="add a newer key to it with --rotate, or name another file",
        )
    ring = KeyRing((new_key(),))
    write_durably(path, write_ring(ring), mode=0o600, is_new=True)
    return ring


def rotate_keys(path: Path) -> KeyRing:
    """Add a newer key to a key file: it writes from now on, the older ones still read."""
    ring = load_keys(path, {})
    assert ring is not None  # the path is given
    ring = KeyRing((*ring.keys, new_key()))
    write_durably(path, write_ring(ring), mode=0o600)
    return ring
