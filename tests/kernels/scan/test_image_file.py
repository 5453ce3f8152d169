import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
PNG += chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
JPEG = b"\xff\xd8\xff\xe0\x00\x04JF\xff\xda\x00\x03\x01" + b"\x12\xff\x00\x34\xff\xd3\x56" + b"\xff\xc4\x00\x03\x01"
JPEG += b"\xff\xda\x00\x03\x01\x99\xff\xd9"


@pytest.mark.parametrize(("data", "format"), [(PNG, "png"), (JPEG, "jpeg")])
def test_image_passes(scan_file, data, format) -> None:  # type: ignore[no-untyped-def]
    assert (scan_file(data).verdict, scan_file(data).format) == ("pass", format)


@pytest.mark.parametrize("data", [PNG, JPEG])
def test_bytes_behind_the_image_are_reported(scan_file, rules, data) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(data + b"payload")) == {"suspicious ledger.gap"}


@pytest.mark.parametrize("data", [PNG, JPEG])
def test_truncated_image_is_malformed(scan_file, data) -> None:  # type: ignore[no-untyped-def]
    assert scan_file(data[:-3]).verdict == "not_examined"


def test_credential_in_a_text_of_the_image_is_found(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    data = PNG[:33] + chunk(b"tEXt", b"note\0AKIAQ3EGRIHZL6YPDWXT") + PNG[33:]
    assert rules(scan_file(data)) == {"secret secret.aws-access-key"}


@given(st.sampled_from([PNG, JPEG]), st.integers(0, 60), st.binary(max_size=30))
def test_any_damage_is_walked(scan_file, image, at, noise) -> None:  # type: ignore[no-untyped-def]
    scan_file(image[:at] + noise + image[at:])
