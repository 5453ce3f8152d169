"""Verification of what is no audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.auditing.verifying import verify_audit
from holdfast.core.errors import InputError


@pytest.mark.parametrize("name", ["", "bundle.holdfast"])
def test_missing_bundle_says_what_to_give(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no bundle") as caught:
        verify_audit(tmp_path / name, keys=(), inputs={})
    assert "folder of an audit" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive" * 100])
def test_file_that_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bundle.holdfast").write_bytes(content)
    with pytest.raises(InputError, match="bundle"):
        verify_audit(tmp_path / "bundle.holdfast", keys=(), inputs={})
