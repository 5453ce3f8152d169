from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from holdfast.adapters.artefacts import listing
from holdfast.adapters.artefacts.listing import Artefact, artefacts, beside
from holdfast.core.errors import InputError

posix = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and descriptors of folders are POSIX's")


def listed(path: Path | str) -> dict[str, Artefact]:
    return {os.path.basename(found.path): found for found in artefacts(str(path))}


def test_a_file_is_lent_open_and_closed_again(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"abc")
    descriptors = []
    for found in artefacts(str(tmp_path)):
        descriptors.append(found.descriptor)
        assert os.read(found.descriptor, 10) == b"abc"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])


def test_folders_are_walked_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/x/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [os.path.relpath(one.path, tmp_path) for one in artefacts(str(tmp_path))]
    assert found == ["a", "b/1", "b/2", "c/x/y"]


def test_nothing_of_that_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder"):
        list(artefacts(str(tmp_path / "absent")))


@posix
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out.pkl").symlink_to(tmp_path / "secret")
    assert listed(tmp_path / "in")["out.pkl"].reason.startswith("a link out of the folder")


@posix
def test_a_link_inside_the_folder_points_to_what_is_examined_itself(tmp_path: Path) -> None:
    (tmp_path / "real.pkl").write_bytes(b"")
    (tmp_path / "link.pkl").symlink_to("real.pkl")
    found = listed(tmp_path)
    assert (found["link.pkl"].kind, found["real.pkl"].kind) == ("link", "file")


@posix
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self").symlink_to(".")
    found = listed(tmp_path)
    assert [found[name].kind for name in ("a", "b", "self")] == ["refused", "refused", "link"]


@posix
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.pkl").symlink_to("nothing")
    assert listed(tmp_path)["gone.pkl"].kind == "refused"
    assert next(artefacts(str(tmp_path / "gone.pkl"))).kind == "refused"


@posix
def test_a_link_that_the_user_names_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.pkl").write_bytes(b"x")
    (tmp_path / "link.pkl").symlink_to("real.pkl")
    assert next(artefacts(str(tmp_path / "link.pkl"))).kind == "file"


@posix
@pytest.mark.parametrize("named", [True, False])
def test_a_pipe_is_not_opened(named: bool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    found = next(artefacts(str(tmp_path / "p" if named else tmp_path)))
    assert found.reason == "it is a pipe, which is not opened"


@posix
def test_a_socket_and_a_device_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert "a socket" in listed(tmp_path)["s"].reason
    assert "a device" in next(artefacts("/dev/zero")).reason


@posix
def test_names_are_shown_without_their_escapes(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/a\n\x1b[31m\xff.pkl", "wb"):
        pass
    shown = next(artefacts(str(tmp_path))).path
    assert shown.endswith(r"a\n\x1b[31m\xff.pkl")


@posix
def test_a_file_that_became_a_link_meanwhile_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "m.pkl").write_bytes(b"")
    ask = os.stat

    def ask_then_swap(path: str, **options: object) -> os.stat_result:
        answer = ask(path, **options)  # type: ignore[arg-type]
        if path == "m.pkl":
            (folder / "m.pkl").unlink()
            (folder / "m.pkl").symlink_to(tmp_path / "secret")
        return answer

    monkeypatch.setattr(listing.os, "stat", ask_then_swap)
    assert [found.reason for found in artefacts(str(folder))] == ["it became a link"]


@posix
def test_a_file_that_became_a_pipe_meanwhile_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.pkl").write_bytes(b"")
    ask = os.stat

    def ask_then_swap(path: str, **options: object) -> os.stat_result:
        answer = ask(path, **options)  # type: ignore[arg-type]
        if path == "m.pkl":
            (tmp_path / "m.pkl").unlink()
            os.mkfifo(tmp_path / "m.pkl")
        return answer

    monkeypatch.setattr(listing.os, "stat", ask_then_swap)
    assert [found.reason for found in artefacts(str(tmp_path))] == ["it was replaced while it was opened"]


@posix
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="the superuser may read anything")
def test_what_may_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "file").chmod(0)
    (tmp_path / "folder").mkdir(mode=0)
    try:
        assert {found.kind for found in artefacts(str(tmp_path))} == {"refused"}
    finally:
        (tmp_path / "folder").chmod(stat.S_IRWXU)


def test_folders_nested_too_deep_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "DEEPEST", 3)
    (tmp_path / "a/b/c/d/e").mkdir(parents=True)
    assert [found.reason for found in artefacts(str(tmp_path))] == ["folders nest more than 3 deep"]


def test_a_folder_with_too_many_names_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_ENTRIES", 2)
    for name in "abc":
        (tmp_path / name).write_bytes(b"")
    assert list(artefacts(str(tmp_path)))[-1].reason == "the folder holds more than 2 entries; the rest was left out"


@pytest.mark.parametrize("location", ["../x", "/etc/passwd", "a/../../x", ""])
def test_a_location_outside_is_refused(location: str, tmp_path: Path) -> None:
    assert next(beside(str(tmp_path), location)).reason == "it lies outside the folder of the file that names it"


@posix
def test_a_folder_that_is_a_link_is_not_passed_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "w.bin").write_bytes(b"x")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "sub").symlink_to(tmp_path / "elsewhere")
    assert next(beside(str(tmp_path / "here"), "sub/w.bin")).kind == "refused"
