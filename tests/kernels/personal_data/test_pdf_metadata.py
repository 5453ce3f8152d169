"""What a PDF says of itself is read, in every form that writers use."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.personal_data.pdf_metadata import is_encrypted, pdf_passages

INFO = rb"""%PDF-1.7
4 0 obj
<< /Title (Letter \(draft\) to\040Bo) /Author <FEFF005A006F00EB> /Creator(made by\
 a@example.org) /Producer <4A61 6E65> /CreationDate (D:20260131120000Z) >>
endobj
trailer << /Info 4 0 R >>
%%EOF
"""


def parts(data: bytes) -> dict[str, tuple[str, str]]:
    return {one.place.part: (one.text, one.known) for one in pdf_passages(memoryview(data))}


def test_entries_are_read_with_escapes_and_in_utf16() -> None:
    found = parts(INFO)
    assert found["PDF Title, object 4"] == ("Letter (draft) to Bo", "")
    assert found["PDF Author, object 4"] == ("Zoë", "PERSON")
    assert found["PDF Creator, object 4"] == ("made by a@example.org", "")
    assert found["PDF Producer, object 4"] == ("Jane", "")
    assert found["PDF CreationDate, object 4"] == ("D:20260131120000Z", "")


def test_entries_of_compressed_objects_are_read() -> None:
    held = zlib.compress(b"4 0 << /Author (Jane Roe) >>")
    data = b"%PDF-1.7\n9 0 obj << /Type /ObjStm /N 1 /First 4 >>\nstream\n" + held + b"\nendstream endobj\n"
    assert parts(data) == {"PDF Author, an object stream": ("Jane Roe", "PERSON")}


def test_xmp_is_read_plain_and_compressed() -> None:
    packet = b"<x:xmpmeta><rdf:RDF><dc:creator><rdf:li>Jane Roe</rdf:li></dc:creator></rdf:RDF></x:xmpmeta>"
    stream = b"%PDF-1.7\n9 0 obj << /Type /Metadata >>\nstream\n" + zlib.compress(packet) + b"\nendstream"
    for data in (b"%PDF-1.7\n" + packet, stream):
        assert parts(data) == {"XMP dc:creator": ("Jane Roe", "PERSON")}


def test_encryption_is_told() -> None:
    assert is_encrypted(memoryview(b"trailer << /Encrypt 5 0 R >>"))
    assert not is_encrypted(memoryview(INFO))


@given(st.binary(max_size=200), st.sampled_from([b"/Author (", b"/Title <", b"/Type /ObjStm stream\n", b"<x:xmpmeta>"]))
def test_any_bytes_are_read_without_an_error(data: bytes, head: bytes) -> None:
    list(pdf_passages(memoryview(b"%PDF-1.4 " + head + data)))


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
def test_every_string_is_read_as_it_was_written(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode()
    found = [one.text for one in pdf_passages(memoryview(b"%PDF-1.4 1 0 obj << /Subject (" + escaped + b") >>"))]
    assert found == ([text] if text.strip() else [])
