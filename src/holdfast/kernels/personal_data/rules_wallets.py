"""Addresses of crypto wallets, whose checksums ``wallets.py`` knows."""

from __future__ import annotations

from holdfast.kernels.personal_data.identifiers import Strength
from holdfast.kernels.personal_data.rule import Rule
from holdfast.kernels.personal_data.rules_secrets import DIGIT_AHEAD, key
from holdfast.kernels.personal_data.wallets import (
    is_bech32,
    is_bitcoin,
    is_dogecoin,
    is_ethereum,
    is_litecoin,
    is_monero,
    is_ripple,
    is_tron,
)

_BASE58 = "[1-9A-HJ-NP-Za-km-z]"

RULES: tuple[Rule, ...] = (
    key(
        "bitcoin",
        "[13]",
        f"{_BASE58}{{25,34}}",
        (26, 35),
        is_bitcoin,
        "Bitcoin, Base58Check",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        label="CRYPTO",
    ),
    key(
        "bitcoin_segwit",
        "b",
        "c1[02-9ac-hj-np-z]{11,71}",
        (14, 74),
        is_bech32,
        "BIP 173; BIP 350",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        label="CRYPTO",
    ),
    key(
        "litecoin",
        "[LM]",
        f"{DIGIT_AHEAD}{_BASE58}{{25,33}}",
        (26, 34),
        is_litecoin,
        "Litecoin, Base58Check",
        "LVuDpNCSSj6pQ7t9Pv6d6sUkLKoqDEVUnJ",
        label="CRYPTO",
    ),
    key("litecoin_segwit", "l", "tc1[02-9ac-hj-np-z]{11,71}", (15, 75), is_bech32, "BIP 173", label="CRYPTO"),
    key(
        "dogecoin",
        "[D9A]",
        f"{DIGIT_AHEAD}{_BASE58}{{25,33}}",
        (26, 34),
        is_dogecoin,
        "Dogecoin, Base58Check",
        "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",
        label="CRYPTO",
    ),
    key(
        "tron",
        "T",
        f"{DIGIT_AHEAD}{_BASE58}{{33}}",
        (34, 34),
        is_tron,
        "TRON, Base58Check",
        "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
        label="CRYPTO",
    ),
    key(
        "ripple",
        "r",
        f"{DIGIT_AHEAD}{_BASE58}{{24,34}}",
        (25, 35),
        is_ripple,
        "XRP Ledger, base58 encodings",
        "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
        label="CRYPTO",
    ),
    key(
        "ethereum",
        "0",
        "x[0-9a-fA-F]{40}",
        (42, 42),
        is_ethereum,
        "EIP-55",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        label="CRYPTO",
        strength=Strength(0.75, 0.95),
        context=("eth", "ethereum", "wallet", "address"),
    ),
    key(
        "monero",
        "[48]",
        f"[1-9AB]{_BASE58}{{93}}",
        (95, 95),
        is_monero,
        "Monero, CryptoNote standard 7",
        label="CRYPTO",
    ),
    key("cardano", "a", "ddr1[02-9ac-hj-np-z]{50,110}", (55, 115), is_bech32, "CIP-19", label="CRYPTO"),
)
