import pytest


def test_no_bytes_pass(scan_file) -> None:  # type: ignore[no-untyped-def]
    assert (scan_file(b"").verdict, scan_file(b"").format) == ("pass", "empty")


def test_program_executes(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    assert rules(scan_file(b"\x7fELF" + bytes(60))) == {"executes program"}


@pytest.mark.parametrize(
    ("data", "format"),
    [(b"\1\2\3\0" * 9, "unidentified"), (b"%PDF-1.7\n\0\1", "pdf"), (b"SQLite format 3\0" + bytes(90), "sqlite")],
)
def test_what_nobody_reads_is_not_examined(scan_file, data, format) -> None:  # type: ignore[no-untyped-def]
    result = scan_file(data)
    assert (result.verdict, result.format) == ("not_examined", format)
