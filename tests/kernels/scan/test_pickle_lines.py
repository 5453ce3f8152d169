import pickle

import pytest

from tests.kernels.scan.conftest import ScanFile

LINES = [b"I5\n", b"I01\n", b"L5L\n", b"L-0x1fL\n", b"F1e5\n", b"S'a\\n\\x41'\n", b'S"b"\n', b"Vtext\\u00e9\n"]


@pytest.mark.parametrize("line", LINES)
def test_lines_are_read_as_python_reads_them(line: bytes, scan_file: ScanFile) -> None:
    data = b"(" + line + b"l."
    pickle.loads(data)  # numbers and texts only
    assert scan_file(data).verdict == "pass"


@pytest.mark.parametrize("line", [b"Ifive\n", b"S'open\n", b"Sx\n", b"S'\\x4'\n", b"p-1\n", b"gx\n"])
def test_lines_that_are_no_values_are_malformed(line: bytes, scan_file: ScanFile) -> None:
    found = scan_file(b"\x80\x00N" + line + b".")
    assert any(one.kind == "malformed" for one in found.observations)


@pytest.mark.parametrize("opcode", [b"L", b"I"])
@pytest.mark.parametrize("digits", [5_000, 100_000, 2_000_000])
def test_number_of_more_digits_than_python_reads_does_not_pass(opcode: bytes, digits: int, scan_file: ScanFile) -> None:
    found = scan_file(opcode + b"9" * digits + b"\n.")
    assert found.verdict == "fail"
    assert "pickle.digits" in {one.rule for one in found.observations}


@pytest.mark.parametrize("text", [b"a\\/b", b"\\777", b"\\\\", b"\\q\\\\q", b"caf\\351"])
def test_escapes_that_python_warns_of_are_read_without_a_warning(text: bytes, scan_file: ScanFile) -> None:
    assert scan_file(b"\x80\x00S'" + text + b"'\n.").verdict == "pass"


def test_name_behind_an_unusual_escape_is_still_found(scan_file: ScanFile) -> None:
    assert scan_file(b"\x80\x02(S'\\/'\nS'o\\163'\nS'system'\n\x930S'id'\nl.").verdict == "fail"
