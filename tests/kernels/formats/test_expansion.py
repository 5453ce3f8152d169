import bz2
import gzip
import lzma
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.formats.expanded import Expanded
from holdfast.kernels.formats.expansion import CHUNK, Codec, expand

DATA = bytes(range(256)) * 5000
COMPRESSED: dict[Codec, bytes] = {
    "zlib": zlib.compress(DATA),
    "deflate": zlib.compress(DATA)[2:-4],
    "gzip": gzip.compress(DATA),
    "bz2": bz2.compress(DATA),
    "xz": lzma.compress(DATA),
    "lzma": lzma.compress(DATA, lzma.FORMAT_ALONE),
}
CODECS = list(COMPRESSED)


def run(data: bytes, codec: Codec, limit: int = 1 << 30) -> Expanded:
    return expand(memoryview(data), codec, limit=limit, stop=lambda consumed, produced: False)


@pytest.mark.parametrize("codec", CODECS)
def test_stream_comes_out_whole_and_trailing_bytes_are_not_consumed(codec: Codec) -> None:
    result = run(COMPRESSED[codec] + b"tail", codec)
    assert (bytes(result.data), result.ending, result.consumed) == (DATA, "complete", len(COMPRESSED[codec]))


@pytest.mark.parametrize("codec", ["gzip", "bz2", "xz"])
def test_streams_behind_one_another_are_joined(codec: Codec) -> None:
    result = run(COMPRESSED[codec] * 2, codec)
    assert (bytes(result.data), result.consumed) == (DATA * 2, 2 * len(COMPRESSED[codec]))


@pytest.mark.parametrize("codec", CODECS)
def test_truncated_stream_says_so(codec: Codec) -> None:
    assert run(COMPRESSED[codec][:-1], codec).ending in (
        "truncated",
        "complete" if codec in ("deflate", "lzma") else "truncated",
    )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("limit", [0, 1, 1000, len(DATA) - 1])
def test_no_more_comes_out_than_the_limit(codec: Codec, limit: int) -> None:
    result = run(COMPRESSED[codec], codec, limit)
    assert (len(result.data), result.ending) == (limit, "limit")


@pytest.mark.parametrize("codec", CODECS)
def test_exactly_the_limit_is_complete(codec: Codec) -> None:
    assert run(COMPRESSED[codec], codec, len(DATA)).ending == "complete"


def test_caller_can_stop_a_stream() -> None:
    bomb = memoryview(zlib.compress(bytes(50_000_000)))
    result = expand(bomb, "zlib", limit=1 << 30, stop=lambda consumed, produced: produced > 100 * consumed + (1 << 20))
    assert result.ending == "limit"
    assert len(result.data) < (1 << 20) + 8 * CHUNK + 100 * CHUNK


def test_dictionary_that_takes_gigabytes_is_refused() -> None:
    header = b"\x5d" + (0xFFFFFFFF).to_bytes(4, "little") + b"\xff" * 8
    assert run(header + bytes(100), "lzma").ending in ("broken", "limit")


def test_method_14_of_zip_is_read() -> None:
    body = lzma.compress(DATA, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}])
    header = b"\x09\x04\x05\x00\x5d" + (1 << 16).to_bytes(4, "little")
    result = run(header + body, "zip-lzma", len(DATA))
    assert result.data[:1000] == DATA[:1000]


@given(st.sampled_from(CODECS), st.binary(max_size=300), st.integers(0, 5000))
def test_any_bytes_are_expanded_or_refused(codec: Codec, noise: bytes, cut: int) -> None:
    result = run(COMPRESSED[codec][: cut % 400] + noise, codec, 100_000)
    assert len(result.data) <= 100_000
