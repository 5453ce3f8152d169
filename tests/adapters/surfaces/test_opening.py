"""Any file is opened by the reader that it needs, and no bytes stop a search."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.adapters.surfaces.opening import kind_of, open_surface
from holdfast.core.errors import InputError
from holdfast.kernels.personal_data.detector import default_detector
from holdfast.kernels.personal_data.model_texts import NotExamined
from holdfast.kernels.personal_data.passages import Found, find_in

MAILS = default_detector(labels=["EMAIL_ADDRESS"])
MAIL = "jane.roe@example.org"
PICTURES = Path(__file__).parents[2] / "data/pictures"
SUFFIXES = (".txt", ".log", ".json", ".jsonl", ".csv", ".tsv", ".png", ".pdf", ".pkl", ".npz", ".onnx", ".parquet", "")
HEADS = (
    b"",
    b"PAR1",
    b"%PDF-",
    b"\xff\xd8\xff\xe1",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"\x80\x04",
    b"PK\3\4",
    b"GGUF",
    b'{"',
)


def search(path: Path, *fields: str, is_wrapped: bool = False) -> tuple[list[Found], list[str]]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        surface = open_surface(descriptor, str(path), fields=fields, is_wrapped=is_wrapped)
        return list(find_in(surface.passages, MAILS)), surface.notes
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.txt", f"one\n{MAIL}\n", (None, 2, "")),
        ("a.log", f"one\n{MAIL}\n", (2, 2, "")),
        ("a.log.3", f"one\n{MAIL}\n", (2, 2, "")),
        ("a.jsonl", f'{{"id": 7, "to": "{MAIL}"}}\n', (7, 1, "$.to")),
        ("a.json", f'{{"to": ["{MAIL}"]}}', (None, None, "$.to[0]")),
        ("a.csv", f"n,to\n1,{MAIL}\n", (1, 2, "to")),
        ("README", f"one\n{MAIL}\n", (None, 2, "")),
        ("m.pkl", pickle.dumps({"feature_names_": [MAIL]}), None),
        ("m.txt", f"tree\nversion=v4\nfeature_names={MAIL}\n", (None, 3, "feature_names")),
    ],
)
def test_the_reader_is_told_by_suffix_and_content(
    tmp_path: Path, name: str, content: str | bytes, place: Sequence[object] | None
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,), _ = search(tmp_path / name)
    assert found.text == MAIL
    assert place is None or tuple(found.place) == place


def test_pictures_and_documents_are_told_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes((PICTURES / "tags.png").read_bytes())
    found, notes = search(tmp_path / "a.txt")
    assert [one.text for one in found] == ["a@example.org", MAIL]
    assert notes == ["text in the picture itself is not read, its metadata is"]
    assert kind_of("a.bin", b"%PDF-1.7") == "document"


def test_encrypted_documents_are_not_examined(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 trailer << /Encrypt 1 0 R >>")
    with pytest.raises(NotExamined, match="encrypted"):
        search(tmp_path / "a.pdf")


def test_full_width_digits_and_marks_of_direction_keep_their_offsets(tmp_path: Path) -> None:
    text = "שלום ‮to‬ jane\u200b.roe@example.org ４１"
    (tmp_path / "a.log").write_text(text, encoding="utf-8")
    (found,), _ = search(tmp_path / "a.log")
    assert text[found.start : found.end] == found.text == "jane\u200b.roe@example.org"


def test_a_long_line_takes_no_more_than_pieces(tmp_path: Path) -> None:
    with (tmp_path / "a.log").open("w") as file:
        for _ in range(30):
            file.write("xy zz " * 16_665 + " a@example.org ")
    found, _ = search(tmp_path / "a.log")
    assert [one.start for one in found] == [99_991 + 100_005 * i for i in range(30)]


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    for suffix in (".txt", ".log", ".json", ".jsonl", ".csv", ".png", ".pkl", ""):
        (tmp_path / f"a{suffix}").write_bytes(b"")
        assert search(tmp_path / f"a{suffix}")[0] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(SUFFIXES), st.sampled_from(HEADS), st.binary(max_size=200))
def test_random_bytes_of_any_name_are_searched_or_refused_in_words(
    tmp_path: Path, suffix: str, head: bytes, data: bytes
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(head + data)
    with suppress(NotExamined, InputError):
        search(path)
    assert path.read_bytes() == head + data


def test_no_socket_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Blocked:
        def __init__(self, *_: object, **__: object) -> None:
            raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", Blocked)
    (tmp_path / "a.csv").write_text(f"to,at\n{MAIL},https://example.org/x\n")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps([MAIL]))
    for path in (tmp_path / "a.csv", tmp_path / "m.pkl", PICTURES / "tags.jpg"):
        assert search(path)[0]
