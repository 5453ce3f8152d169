from __future__ import annotations

import hashlib
import mmap
import os
import struct
from pathlib import Path

import pytest

from holdfast.adapters.artefacts import examination
from holdfast.adapters.artefacts.examination import Releasing, examine
from holdfast.kernels.scan.worklist import Limits

SMALL, LARGE = 1_000, 20 << 20


def _examined(path: Path) -> dict[str, object]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return examine(descriptor, name=path.name, limits=Limits(), seconds=60)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_file_is_digested_whether_it_is_read_or_mapped(size: int, tmp_path: Path) -> None:
    head = b'{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    content = struct.pack("<Q", len(head)) + head + bytes(size)
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    found = _examined(path)
    assert found["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert found["size"] == len(content)
    assert not found["changed"]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs /proc")
def test_pages_of_a_mapped_file_are_given_back(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(LARGE))
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), LARGE, access=mmap.ACCESS_READ)
        assert sum(mapped[::4096]) == 0
        before = _resident(path)
        is_expired = Releasing(mapped, lambda: False)()
    assert not is_expired
    assert before > LARGE // 2048
    assert _resident(path) == 0


def _resident(path: Path) -> int:
    lines = iter(Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines())
    return sum(
        int(line.split()[1])
        for head in lines
        if head.endswith(str(path))
        for line in [next(one for one in lines if one.startswith("Rss:"))]
    )


def test_time_is_asked_for_at_every_call() -> None:
    answers = iter([False, True])
    with mmap.mmap(-1, mmap.PAGESIZE) as mapped:
        releasing = Releasing(mapped, lambda: next(answers), next_release=float("inf"))
        assert (releasing(), releasing()) == (False, True)


def test_pages_are_given_back_often_enough_for_a_small_bound() -> None:
    assert examination.RELEASE_SECONDS <= 0.05
