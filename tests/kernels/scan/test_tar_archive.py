import io
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.kernels.scan.tar_archive import walk_tar


def made(*infos: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytearray:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for info, content in infos:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return bytearray(buffer.getvalue())


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_ordinary_archive_passes(scan_file, format) -> None:  # type: ignore[no-untyped-def]
    data = made(
        (entry("a"), b"hello"), (entry("d", tarfile.DIRTYPE), b""), (entry("d/" + "b" * 90), b"x" * 600), format=format
    )
    assert scan_file(bytes(data)).verdict == "pass"


def test_zip_file_as_last_member_is_no_second_format(scan_file) -> None:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"hello")
    result = scan_file(bytes(made((entry("a.zip"), buffer.getvalue()))))
    assert (result.verdict, result.format) == ("pass", "tar")


@pytest.mark.parametrize(
    ("info", "rule"),
    [
        (entry("l", tarfile.SYMTYPE, "/etc/passwd"), "suspicious tar.link"),
        (entry("l", tarfile.LNKTYPE, "../../x"), "suspicious tar.link"),
        (entry("f", tarfile.FIFOTYPE), "suspicious tar.device"),
        (entry("c", tarfile.CHRTYPE), "suspicious tar.device"),
        (entry("../a"), "suspicious tar.traversal"),
        (entry("/a"), "suspicious tar.traversal"),
        (entry("s", tarfile.GNUTYPE_SPARSE), "not_examined tar.sparse"),
        (entry("v", b"V"), "not_examined tar.type"),
    ],
)
def test_what_is_no_plain_file_is_reported(walk, rules, info, rule) -> None:  # type: ignore[no-untyped-def]
    assert rule in rules(walk(walk_tar, made((info, b""))))


def test_duplicate_names_are_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    assert "suspicious tar.duplicate-name" in rules(walk(walk_tar, made((entry("a"), b"1"), (entry("a"), b"2"))))


def test_data_behind_a_member_are_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    data = made((entry("a"), b"hello"))
    data[512 + 100] = 1
    assert "suspicious tar.padding" in rules(walk(walk_tar, data))


def test_size_that_readers_take_differently_is_suspicious(walk, rules) -> None:  # type: ignore[no-untyped-def]
    info = entry("a")
    info.pax_headers = {"size": "512"}
    assert "suspicious tar.headers-differ" in rules(walk(walk_tar, made((info, bytes(1024)))))


def test_bytes_behind_the_end_are_reported(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert "suspicious ledger.gap" in rules(scan_file(bytes(made((entry("a"), b"1"))) + b"payload"))


def test_missing_end_is_malformed(walk, rules) -> None:  # type: ignore[no-untyped-def]
    assert "malformed tar.end" in rules(walk(walk_tar, made((entry("a"), b"1"))[:1024]))


@settings(max_examples=100)
@given(st.data())
def test_any_damage_is_walked(scan_file, draw) -> None:  # type: ignore[no-untyped-def]
    data = made((entry("a" * 150), b"hello"), (entry("b"), b"x" * 600))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, 4000)) % len(data)] = draw.draw(st.integers(0, 255))
    scan_file(bytes(data[: draw.draw(st.integers(0, len(data)))]))
