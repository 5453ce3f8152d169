from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.adapters.artefacts.hashing import hash_tree


def folder(tmp_path: Path, *sizes: int) -> Path:
    for number, size in enumerate(sizes):
        (tmp_path / "m" / f"d{number % 3}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "m" / f"d{number % 3}" / f"f{number}").write_bytes(os.urandom(size))
    return tmp_path / "m"


def test_every_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    root = folder(tmp_path, 0, 1, 1 << 20, (1 << 20) + 1, 3_000_000, *range(60))
    tree = hash_tree(str(root))
    assert [file.name for file in tree.files] == sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()
    )
    for file in tree.files:
        content = (root / file.name).read_bytes()
        assert (file.size, file.digests) == (len(content), (hashlib.sha256(content).hexdigest(),))


def test_ranges_are_digested_each_by_itself(tmp_path: Path) -> None:
    root = folder(tmp_path, 10_000)
    content = next(root.rglob("f0")).read_bytes()
    cut = [(0, 7), (7, 9_000), (9_000, 10_000)]
    (file,) = hash_tree(str(root), algorithm="blake2b", ranges=lambda size: cut).files
    assert file.digests == tuple(hashlib.blake2b(content[a:b]).hexdigest() for a, b in cut)


def test_what_is_skipped_is_listed_and_not_read(tmp_path: Path) -> None:
    root = folder(tmp_path, 1, 2)
    (root / "d0" / "link").symlink_to("f0")
    tree = hash_tree(str(root), skip=lambda name: name.startswith("d0/"))
    assert tree.skipped == ["d0/f0", "d0/link"]
    assert [file.name for file in tree.files] == ["d1/f1"]
    assert tree.refused == []


def add(root: Path) -> None:
    (root / "new").touch()


def remove(root: Path) -> None:
    (root / "d0/f0").unlink(missing_ok=True)


def append(root: Path) -> None:
    (root / "d0/f0").write_bytes(b"longer")


def same_size_and_time(root: Path) -> None:
    path = root / "d0/f0"
    before = path.stat()
    path.write_bytes(b"?")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("meddle", "unstable"), [(add, ["new"]), (remove, ["d0/f0"]), (append, ["d0/f0"]), (same_size_and_time, ["d0/f0"])]
)
def test_what_changes_while_files_are_read_is_unstable(
    meddle: Callable[[Path], None], unstable: list[str], tmp_path: Path
) -> None:
    root = folder(tmp_path, 1, 2)

    def meddling(size: int) -> list[tuple[int, int]]:
        meddle(root)
        return [(0, size)]

    assert hash_tree(str(root), ranges=meddling).unstable == unstable


def test_a_file_that_is_known_is_not_read_again(tmp_path: Path) -> None:
    root = folder(tmp_path, 5)
    known = {str(root / "d0/f0"): "ab" * 32}
    assert hash_tree(str(root), known=known).files[0].digests == ("ab" * 32,)
