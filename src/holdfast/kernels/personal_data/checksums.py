"""Check digits of identifiers: whether a number can have been issued, seen from its digits alone.

Every function takes the identifier without separators, check characters included, letters in upper case. Letters count
as 10 to 35 where an alphabet of 36 is meant. All take time linear in the identifier.
"""

from __future__ import annotations

from collections.abc import Sequence

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")

# Multiplication in the dihedral group D5, and the permutation of a digit by its place (Verhoeff 1969): row, then digit.
_DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PLACES = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip

# An anti-symmetric quasigroup of order 10 (Damm 2004): interim digit, then digit.
_QUASIGROUP = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def weighted_sum(number: str, weights: Sequence[int]) -> int:
    """Sum the characters of a number, each times its weight.

    Letters count as 10 to 35. Characters and weights pair from the left; the longer of the two is cut.
    """
    return sum(int(character, 36) * weight for character, weight in zip(number, weights, strict=False))


def luhn(number: str) -> bool:
    """Whether the last digit is right by Luhn's formula: every second digit from the right doubled (ISO/IEC 7812-1)."""
    if not (number.isascii() and number.isdecimal()):
        return False
    backwards = number.encode("ascii")[::-1]
    return (sum(backwards[::2]) + sum(backwards[1::2].translate(_DOUBLED)) - 48 * len(backwards)) % 10 == 0


def verhoeff(number: str) -> bool:
    """Whether the last digit is right by Verhoeff's scheme: all single errors and swaps of neighbours are seen.

    References
    ----------
    J. Verhoeff (1969), Error detecting decimal codes, Mathematical Centre Tracts 29.
    """
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(_DIHEDRAL[check][int(_PLACES[place % 8][int(digit)])])
    return check == 0


def damm(number: str) -> bool:
    """Whether the last digit is right by Damm's scheme.

    References
    ----------
    H. M. Damm (2004), Total anti-symmetrische Quasigruppen, PhD thesis, Marburg.
    """
    check = 0
    for digit in number:
        check = int(_QUASIGROUP[check][int(digit)])
    return check == 0


def mod_97_10(number: str) -> bool:
    """Whether the last two digits are right by ISO/IEC 7064, MOD 97-10; letters count as two digits, 10 to 35."""
    return int("".join(str(int(character, 36)) for character in number)) % 97 == 1


def mod_11_2(number: str) -> bool:
    """Whether the last character (0 to 9, X) is right by ISO/IEC 7064, MOD 11-2."""
    return _pure(number[:-1] + number[-1].replace("X", "A"), 11, 2)


def mod_37_2(number: str) -> bool:
    """Whether the last character (0 to 9, A to Z, *) is right by ISO/IEC 7064, MOD 37-2."""
    check = 0
    for character in number:
        check = (check * 2 + (36 if character == "*" else _ALPHABET.index(character))) % 37
    return check == 1


def mod_11_10(number: str) -> bool:
    """Whether the last digit is right by ISO/IEC 7064, MOD 11,10."""
    return _hybrid(number, 10)


def mod_37_36(number: str) -> bool:
    """Whether the last character (0 to 9, A to Z) is right by ISO/IEC 7064, MOD 37,36."""
    return _hybrid(number, 36)


def _pure(number: str, modulus: int, radix: int) -> bool:
    check = 0
    for character in number:
        check = (check * radix + _ALPHABET.index(character)) % modulus
    return check == 1


def _hybrid(number: str, modulus: int) -> bool:
    product = modulus
    for character in number[:-1]:
        product = ((product + _ALPHABET.index(character)) % modulus or modulus) * 2 % (modulus + 1)
    return (product + _ALPHABET.index(number[-1])) % modulus == 1
