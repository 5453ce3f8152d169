import json

import pytest

from holdfast.core.errors import InputError
from holdfast.redaction.keys import KeyRing, derive, new_key, read_ring, write_ring
from tests.redaction.finding import KEYS


def test_a_ring_comes_back_as_it_was_written() -> None:
    ring = KeyRing((new_key(), new_key()))
    assert read_ring(write_ring(ring), source="a test") == ring
    assert ring.newest is ring.keys[1]
    assert ring.find(ring.keys[0].id) is ring.keys[0]


def test_uses_and_their_parts_give_keys_of_their_own() -> None:
    secret = KEYS.newest.secret
    derived = {derive(secret, *parts) for parts in [("a",), ("b",), ("a", "b"), ("ab",), ("a", ""), ("", "a")]}
    assert len(derived) == 6


def test_a_secret_never_shows() -> None:
    assert str(KEYS.newest.secret) not in repr(KEYS)
    assert "secret" not in repr(KEYS)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"holdfast_pii_keys": 1, "keys": []}', '{"keys": [{"id": 1}]}']
)
def test_what_is_no_key_file_is_refused(content: str) -> None:
    with pytest.raises(InputError, match=r"in k\.json"):
        read_ring(content, source="k.json")


def test_a_damaged_secret_is_noticed_and_not_shown() -> None:
    document = json.loads(write_ring(KEYS))
    document["keys"][0]["secret"] = "A" * 43 + "="
    with pytest.raises(InputError, match="is damaged") as caught:
        read_ring(json.dumps(document), source="k.json")
    assert "AAAA" not in str(caught.value)
