"""Archives that show one reader other content than the next, or write outside their folder."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator

from benchmarks.scan_corpus.assemble import call, pickled
from benchmarks.scan_corpus.case import COMMAND, MARKER, SOURCE, Case
from benchmarks.scan_corpus.malicious_arrays import torch_members

PAYLOAD = pickled(call("os:system", COMMAND), 2)
HARMLESS = pickled({"weight": [1.0, 2.0]}, 2)


def cases() -> Iterator[Case]:
    """Yield zip files, then tar files, then files of two formats."""
    for name, (content, loader) in {**_zips(), **_edited(), **_torch()}.items():
        yield Case(f"zip_{name}.zip", content, True, loader)
    for name, (content, loader) in _tars().items():
        yield Case(f"tar_{name}.tar", content, True, loader)
    for name, (content, loader) in _two_formats().items():
        yield Case(f"polyglot_{name}", content, True, loader)


def _zip(*members: tuple[str, bytes], method: int = 0, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
        archive.comment = comment
    return buffer.getvalue()


def _zips() -> dict[str, tuple[bytes, str]]:
    link = zipfile.ZipInfo("model.pkl")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    linked = io.BytesIO()
    with zipfile.ZipFile(linked, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    harmless, bad = ("model.pkl", HARMLESS), ("model.pkl", PAYLOAD)
    return {
        "plain": (_zip(bad), "zip-pickle"),
        "deflated": (_zip(bad, method=8), "zip-pickle"),
        "bzip2": (_zip(bad, method=12), "zip-pickle"),
        "lzma": (_zip(bad, method=14), "zip-pickle"),
        "other-ending": (_zip(("readme.txt", PAYLOAD)), "zip-pickle"),
        "no-ending": (_zip(("weights/0", PAYLOAD)), "zip-pickle"),
        "duplicate": (_zip(harmless, bad), "zip-pickle"),
        "duplicate-first": (_zip(bad, harmless), ""),
        "duplicate-case": (_zip(harmless, ("MODEL.pkl", PAYLOAD)), "zip-pickle"),
        "duplicate-slash": (_zip(harmless, ("./model.pkl", PAYLOAD)), "zip-pickle"),
        "traversal": (_zip(harmless, (f"../{MARKER}", b"x")), ""),
        "absolute": (_zip(harmless, ("/tmp/x", b"x")), ""),
        "backslash": (_zip(harmless, ("..\\x", b"x")), ""),
        "symlink": (linked.getvalue(), ""),
        "folder-data": (_zip(harmless, ("weights/", PAYLOAD)), "zip-pickle"),
        "comment-pickle": (_zip(harmless, comment=PAYLOAD), ""),
        "comment-zip": (_zip(harmless, comment=_zip(bad)), "zip-pickle"),
        "nested": (_zip(("inner.zip", _zip(bad, method=8)), method=8), ""),
        "script": (_zip(("__main__.py", SOURCE.encode())), "zipapp"),
        "deep": (_nested(12), ""),
        "data-folder": (_zip(("archive/data/0", PAYLOAD)), "zip-pickle"),
    }


def _nested(depth: int) -> bytes:
    content = PAYLOAD
    for _ in range(depth):
        content = _zip(("x", content))
    return content


def _edited() -> dict[str, tuple[bytes, str]]:
    """Archives with one lie each."""
    good, bad = _zip(("model.pkl", HARMLESS)), _zip(("model.pkl", PAYLOAD))
    central = bad.index(b"PK\1\2")
    end = bad.index(b"PK\5\6")

    def changed(data: bytes, at: int, new: bytes) -> bytes:
        return data[:at] + new + data[at + len(new) :]

    return {
        "bad-checksum": (changed(changed(bad, 14, b"\1\2\3\4"), central + 16, b"\1\2\3\4"), ""),
        "checksum-local": (changed(bad, 14, b"\1\2\3\4"), "zip-pickle"),
        "encrypted-flag": (changed(changed(bad, 6, b"\1"), central + 8, b"\1"), ""),
        "encrypted-local": (changed(bad, 6, b"\1"), ""),
        "method-local": (changed(bad, 8, b"\x63"), "zip-pickle"),
        "name-local": (changed(bad, 30, b"xodel.pkl"), ""),
        "unknown-method": (changed(changed(bad, 8, b"\x63"), central + 10, b"\x63"), ""),
        "size-central": (changed(bad, central + 24, struct.pack("<I", 3)), ""),
        "count": (changed(bad, end + 8, b"\0\0\0\0"), ""),
        "prefix": (b"#!/bin/sh\ntouch proof\nexit\n" + bad, "shell"),
        "prefix-pickle": (PAYLOAD + good, "pickle"),
        "suffix": (bad + b"\0" * 30 + PAYLOAD, "zip-pickle"),
        "gap": (_with_gap(good, PAYLOAD), ""),
        "two": (good + bad, "zip-pickle"),
        "descriptor": (changed(changed(bad, 6, b"\x08"), central + 8, b"\x08"), "zip-pickle"),
        "unicode-name": (_second_name(), ""),
        "no-end": (bad[:end], ""),
        "truncated": (bad[: central + 10], ""),
        "directory-only": (bad[central:], ""),
        "extra-hides": (_extra(PAYLOAD), ""),
    }


def _with_gap(archive: bytes, hidden: bytes) -> bytes:
    """Hide bytes between the members and the directory."""
    central, end = archive.index(b"PK\1\2"), archive.index(b"PK\5\6")
    offset = struct.pack("<I", central + len(hidden))
    return archive[:central] + hidden + archive[central : end + 16] + offset + archive[end + 20 :]


def _second_name() -> bytes:
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("model.pkl")
    name = b"other.pkl"
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, 0) + name
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, PAYLOAD)
    return buffer.getvalue()


def _extra(hidden: bytes) -> bytes:
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("model.pkl")
    info.extra = struct.pack("<HH", 0x4246, len(hidden)) + hidden
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, HARMLESS)
    return buffer.getvalue()


def _torch() -> dict[str, tuple[bytes, str]]:
    """What torch's own reader sees and another does not."""
    bad, good = torch_members(PAYLOAD), torch_members(HARMLESS)
    code = {"archive/code/__torch__.py": b"def forward(self) -> None:\n    pass\n", **good}
    return {
        "torch-two-roots": (_zip(*good.items(), *torch_members(PAYLOAD, "other").items()), ""),
        "torch-duplicate": (_zip(*good.items(), ("archive/data.pkl", PAYLOAD)), ""),
        "torch-duplicate-first": (_zip(("archive/data.pkl", PAYLOAD), *good.items()), "torch"),
        "torch-case": (_zip(*good.items(), ("archive/DATA.PKL", PAYLOAD)), ""),
        "torch-storage-is-pickle": (_zip(*{**bad, "archive/data/0": PAYLOAD}.items()), "torch"),
        "torch-constants": (_zip(*good.items(), ("archive/constants.pkl", PAYLOAD)), ""),
        "torch-script": (_zip(*code.items(), ("archive/constants.pkl", PAYLOAD)), ""),
        "torch-extra": (_zip(*good.items(), ("archive/extra/run.pkl", PAYLOAD)), ""),
        "torch-prefix": (b"\0" * 64 + _zip(*bad.items()), ""),
    }


def _tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _tars() -> dict[str, tuple[bytes, str]]:
    bad = (_member("model.pkl"), PAYLOAD)
    good = (_member("model.pkl"), HARMLESS)
    plain = _tar(bad)
    return {
        "plain": (plain, "tar-pickle"),
        "gnu": (_tar((_member("x" * 150), PAYLOAD), form=tarfile.GNU_FORMAT), "tar-pickle"),
        "pax": (_tar((_member("x" * 150), PAYLOAD), form=tarfile.PAX_FORMAT), "tar-pickle"),
        "gzip": (_tar(bad, mode="w:gz"), "tar-pickle"),
        "xz": (_tar(bad, mode="w:xz"), "tar-pickle"),
        "traversal": (_tar(good, (_member(f"../{MARKER}"), b"x")), "untar"),
        "absolute": (_tar(good, (_member("/tmp/holdfast-x"), b"x")), ""),
        "symlink": (_tar((_member("a", tarfile.SYMTYPE, ".."), b""), (_member(f"a/{MARKER}"), b"x")), "untar"),
        "hard-link": (_tar(good, (_member("b", tarfile.LNKTYPE, "../../x"), b"")), ""),
        "device": (_tar((_member("d", tarfile.CHRTYPE), b"")), ""),
        "pipe": (_tar((_member("f", tarfile.FIFOTYPE), b"")), ""),
        "duplicate": (_tar(good, bad), "tar-pickle"),
        "behind-end": (_tar(good) + _tar(bad), ""),
        "padding": (plain[:700] + PAYLOAD + plain[700 + len(PAYLOAD) :], "tar-pickle"),
        "in-tar": (_tar((_member("inner.tar"), plain)), ""),
    }


def _two_formats() -> dict[str, tuple[bytes, str]]:
    archive = _zip(("data.pkl", HARMLESS))
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    png += b"\x3a\x7e\x9b\x55\0\0\0\nIDATx\x9cc\0\1\0\0\5\0\1\r\n-\xb4\0\0\0\0IEND\xaeB`\x82"
    return {
        "pickle-zip.pt": (PAYLOAD + archive, "pickle"),
        "pickle-zip-comment.pt": (b"(" + b"0" + PAYLOAD[2:] + archive, ""),
        "png-zip.png": (png + _zip(("model.pkl", PAYLOAD)), "zip-pickle"),
        "png-pickle.png": (png + PAYLOAD, ""),
        "gif-script.gif": (b"GIF89a=1\n" + SOURCE.encode(), ""),
        "tar-pickle.bin": (PAYLOAD.ljust(512, b"\0") + _tar((_member("a"), b"x")), "pickle"),
        "shell-zip.zip": (b"touch proof; exit\n" + archive, "shell"),
        "text-pickle.txt": (b"(I1\n0cos\nsystem\n(S'touch proof'\ntR.\n", "pickle"),
        "json-pickle.json": (b'{"a": 1}' + PAYLOAD, ""),
        "python.py": (SOURCE.encode() + b"\n", "python"),
        "shell": (b"#!/bin/sh\ntouch proof\n", "shell"),
        "elf.bin": (b"\x7fELF\x02\x01\x01" + b"\0" * 200, ""),
        "pe.bin": (b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\0" * 100, ""),
        "wasm.bin": (b"\0asm\1\0\0\0" + b"\0" * 40, ""),
        "class.bin": (b"\xca\xfe\xba\xbe\0\0\0\x34" + b"\0" * 40, ""),
        "pdf-pickle.pdf": (b"%PDF-1.4\n" + PAYLOAD, ""),
        "safetensors-pickle.safetensors": (_headed(PAYLOAD), "safetensors-pickle"),
    }


def _headed(content: bytes) -> bytes:
    head = b'{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(content), len(content))
    return struct.pack("<Q", len(head)) + head + content
