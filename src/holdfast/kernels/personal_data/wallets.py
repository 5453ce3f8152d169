"""Addresses of crypto wallets: whether their checksums are right.

Base58Check (Bitcoin, Litecoin, Dogecoin, Tron, XRP), Bech32 and Bech32m (BIP 173, BIP 350), the capitals of an
Ethereum address (EIP-55) and CryptoNote's base58 (Monero).
"""

from __future__ import annotations

from hashlib import sha256

_BITCOIN = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONSTANTS = (1, 0x2BC830A3)  # Bech32, Bech32m

_MASK = (1 << 64) - 1
_ROTATIONS = ((0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56), (27, 20, 39, 8, 14))


def base58check(address: str, versions: tuple[int, ...], *, alphabet: str = _BITCOIN) -> bool:
    """Whether an address of 21 bytes has one of the versions, and ends with the first 4 bytes of its double SHA-256."""
    value = 0
    for character in address:
        digit = alphabet.find(character)
        if digit < 0:
            return False
        value = value * 58 + digit
    if value >= 1 << 200:
        return False
    data = value.to_bytes(25, "big")
    return data[0] in versions and sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]


def is_bitcoin(address: str) -> bool:
    """Pay to a public key's hash (1...) or a script's (3...)."""
    return base58check(address, (0, 5))


def is_litecoin(address: str) -> bool:
    """L..., M... and the older 3...."""
    return base58check(address, (48, 50, 5))


def is_dogecoin(address: str) -> bool:
    """D... and the scripts' 9... and A...."""
    return base58check(address, (30, 22))


def is_tron(address: str) -> bool:
    """T...."""
    return base58check(address, (65,))


def is_ripple(address: str) -> bool:
    """r..., in an alphabet of its own."""
    return base58check(address, (0,), alphabet=_RIPPLE)


def is_bech32(address: str) -> bool:
    """Whether the last six characters are the checksum of the prefix and the data, by Bech32 or Bech32m."""
    if address not in (address.lower(), address.upper()):
        return False
    prefix, _, data = address.lower().rpartition("1")
    values = [_BECH32.find(character) for character in data]
    if not prefix or min(values, default=-1) < 0:
        return False
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check in _BECH32_CONSTANTS


def is_ethereum(address: str) -> bool:
    """Whether the capitals of 0x and 40 hexadecimal digits follow their Keccak-256; one case has no check."""
    digits = address[2:]
    if digits in (digits.lower(), digits.upper()):
        return len(set(digits)) > 4
    nibbles = keccak_256(digits.lower().encode()).hex()
    return all(c.isdecimal() or c.isupper() == (nibble >= "8") for c, nibble in zip(digits, nibbles, strict=False))


def is_monero(address: str) -> bool:
    """Whether a main address (4...) or subaddress (8...) ends with the first 4 bytes of its Keccak-256."""
    data = b""
    for start in range(0, len(address), 11):
        block, value = address[start : start + 11], 0
        for character in block:
            value = value * 58 + _BITCOIN.index(character)
        size = {11: 8, 7: 5}.get(len(block), 0)
        if value >= 1 << 8 * size:
            return False
        data += value.to_bytes(size, "big")
    return data[0] in (18, 19, 42) and keccak_256(data[:-4])[:4] == data[-4:]


def keccak_256(data: bytes) -> bytes:
    """Hash by Keccak with 256 bits, as before SHA-3 changed the padding (Bertoni et al. 2011, The Keccak reference)."""
    rate = 136
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % rate))
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for index in range(rate // 8):
            lane = int.from_bytes(padded[start + 8 * index : start + 8 * index + 8], "little")
            lanes[index % 5][index // 5] ^= lane
        lanes = _permuted(lanes)
    return b"".join(lanes[index][0].to_bytes(8, "little") for index in range(4))


def _permuted(lanes: list[list[int]]) -> list[list[int]]:
    """Apply Keccak-f[1600]: 24 rounds of theta, rho, pi, chi, iota."""
    register = 1
    for _ in range(24):
        parities = [a ^ b ^ c ^ d ^ e for a, b, c, d, e in lanes]
        moved = [[0] * 5 for _ in range(5)]
        for x in range(5):
            mixed = parities[x - 1] ^ _rotated(parities[(x + 1) % 5], 1)
            for y in range(5):
                moved[y][(2 * x + 3 * y) % 5] = _rotated(lanes[x][y] ^ mixed, _ROTATIONS[x][y])
        lanes = [[moved[x][y] ^ ~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y] for y in range(5)] for x in range(5)]
        for power in range(7):  # round constants from a shift register
            register = (register << 1 ^ (register >> 7) * 0x71) % 256
            if register & 2:
                lanes[0][0] ^= 1 << (1 << power) - 1
    return lanes


def _rotated(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK
