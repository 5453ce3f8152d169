from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.wallets import (
    is_bech32,
    is_bitcoin,
    is_dogecoin,
    is_ethereum,
    is_litecoin,
    is_monero,
    is_ripple,
    is_tron,
    keccak_256,
)

# Test vectors of the specifications, and addresses that the projects publish.
PUBLISHED = [
    (is_bitcoin, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    (is_bitcoin, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
    (is_bech32, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (is_bech32, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
    (is_bech32, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
    (is_ethereum, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
    (is_ethereum, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
    (is_ethereum, "0xdbf03b407c01e7cd3cbea99509d93f8dddc8c6fb"),
    (is_litecoin, "LVuDpNCSSj6pQ7t9Pv6d6sUkLKoqDEVUnJ"),
    (is_dogecoin, "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L"),
    (is_tron, "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"),
    (is_ripple, "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"),
    (is_monero, "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"),
]


@pytest.mark.parametrize(("check", "address"), PUBLISHED)
def test_published_addresses_pass(check, address):
    assert check(address)


@pytest.mark.parametrize(("check", "address"), PUBLISHED)
def test_a_changed_character_is_seen(check, address):
    if address == address.lower() and check is is_ethereum:
        pytest.skip("an Ethereum address in one case has no checksum")
    changed = address[:-3] + ("3" if address[-3] != "3" else "4") + address[-2:]
    if check is is_ethereum:
        changed = address[:2] + address[2:].swapcase()
    assert not check(changed)


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"a" * 136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"),
    ],
)
def test_keccak_gives_the_published_digests(data, digest):
    assert keccak_256(data).hex() == digest


def test_capitals_and_small_letters_do_not_mix_in_bech32():
    assert not is_bech32("bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
