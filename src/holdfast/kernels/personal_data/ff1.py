"""FF1: a block cipher turned into a permutation of numerals that keeps their number and alphabet.

It hides a value and keeps its format; it has no integrity: any numerals decrypt to something.

References
----------
Dworkin, M. (2016). NIST Special Publication 800-38G: methods for format-preserving encryption, section 5 and
algorithms 6 (prefix), 7 (FF1.Encrypt) and 8 (FF1.Decrypt). Revision 1 (second draft, 2025) asks for domains of at
least a million, because smaller ones fall to attacks by message recovery.
Black, J. and Rogaway, P. (2002). Ciphers with arbitrary finite domains. CT-RSA 2002, section 4 (cycle walking).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

SMALLEST_DOMAIN = 1_000_000
ROUNDS = 10

BlockCipher = Callable[[bytes], bytes]  # encrypts one block of 16 bytes under a fixed key


def encrypt(numerals: Sequence[int], *, radix: int, tweak: bytes, cipher: BlockCipher) -> list[int]:
    """Encrypt a string of numerals.

    Parameters
    ----------
    numerals
        Two or more whole numbers from 0 to ``radix - 1``.
    radix
        From 2 to 65,536; ``radix ** len(numerals)`` must be at least a million.
    tweak
        What else the permutation depends on; no secret.
    cipher
        Encrypts one block of 16 bytes.

    Returns
    -------
    list of int
        As many numerals of the same radix.

    Raises
    ------
    ValueError
        If the domain is too small, or a numeral is none.

    Examples
    --------
    >>> decrypt(encrypt([1, 2, 3, 4, 5, 6], radix=10, tweak=b"", cipher=bytes), radix=10, tweak=b"", cipher=bytes)
    [1, 2, 3, 4, 5, 6]
    """
    return _feistel(numerals, radix, tweak, cipher, range(ROUNDS), 1)


def decrypt(numerals: Sequence[int], *, radix: int, tweak: bytes, cipher: BlockCipher) -> list[int]:
    """Undo `encrypt` under the same radix, tweak and cipher."""
    return _feistel(numerals, radix, tweak, cipher, range(ROUNDS - 1, -1, -1), -1)


def permute_below(number: int, bound: int, *, tweak: bytes, cipher: BlockCipher, backwards: bool = False) -> int:
    """Permute the whole numbers below a bound, by FF1 on binary numerals and cycle walking.

    Parameters
    ----------
    number
        From 0 to ``bound - 1``.
    bound
        At least a million.
    backwards
        Undo instead.

    Notes
    -----
    Numbers that fall outside the bound are encrypted again until one falls inside: fewer than two steps on average.
    """
    if not 0 <= number < bound:
        raise ValueError(f"expected a whole number from 0 to {bound - 1}, got {number}")
    _check_domain(bound)
    width = (bound - 1).bit_length()
    step = decrypt if backwards else encrypt
    while True:
        bits = step([int(bit) for bit in f"{number:0{width}b}"], radix=2, tweak=tweak, cipher=cipher)
        number = int("".join(map(str, bits)), 2)
        if number < bound:
            return number


def _feistel(
    numerals: Sequence[int], radix: int, tweak: bytes, cipher: BlockCipher, order: range, sign: int
) -> list[int]:
    n = len(numerals)
    _check(numerals, radix)
    left, right = n // 2, n - n // 2  # u and v of the standard
    n_bytes = ceil((radix**right - 1).bit_length() / 8)
    n_output = 4 * ceil(n_bytes / 4) + 4
    fixed = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, left % 256])
    prefix = cipher(fixed + n.to_bytes(4, "big") + len(tweak).to_bytes(4, "big"))
    padded = tweak + bytes((-len(tweak) - n_bytes - 1) % 16)
    moduli = radix**left, radix**right
    halves = [_number(numerals[:left], radix), _number(numerals[left:], radix)]
    for turn in order:
        # encryption changes the left half and swaps; read from the end, decryption swaps back and changes it again
        a, b = halves if sign > 0 else halves[::-1]
        data = padded + bytes([turn]) + b.to_bytes(n_bytes, "big")
        y = int.from_bytes(_random_bytes(prefix, data, n_output, cipher), "big")
        c = (a + sign * y) % moduli[turn % 2]
        halves = [b, c] if sign > 0 else [c, b]
    return _numerals(halves[0], radix, left) + _numerals(halves[1], radix, right)


def _random_bytes(chained: bytes, data: bytes, n_output: int, cipher: BlockCipher) -> bytes:
    """Steps 6.ii and 6.iii: a CBC-MAC of the data, stretched to the wanted number of bytes."""
    for start in range(0, len(data), 16):
        block = int.from_bytes(chained, "big") ^ int.from_bytes(data[start : start + 16], "big")
        chained = cipher(block.to_bytes(16, "big"))
    output = chained
    for counter in range(1, ceil(n_output / 16)):
        output += cipher((int.from_bytes(chained, "big") ^ counter).to_bytes(16, "big"))
    return output[:n_output]


def _check(numerals: Sequence[int], radix: int) -> None:
    if not 2 <= radix <= 1 << 16:
        raise ValueError(f"expected a radix from 2 to 65536, got {radix}")
    if len(numerals) < 2:
        raise ValueError(f"expected two or more numerals, got {len(numerals)}")
    _check_domain(radix ** len(numerals))
    wrong = [numeral for numeral in numerals if not 0 <= numeral < radix]
    if wrong:
        raise ValueError(f"expected numerals from 0 to {radix - 1}, got {wrong[0]}")


def _check_domain(size: int) -> None:
    if size < SMALLEST_DOMAIN:
        raise ValueError(
            f"expected at least {SMALLEST_DOMAIN:,} possible values, got {size:,}: the whole table of so few can be "
            "recovered; use a token or a keyed hash instead"
        )


def _number(numerals: Sequence[int], radix: int) -> int:
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


def _numerals(number: int, radix: int, length: int) -> list[int]:
    found = []
    for _ in range(length):
        number, numeral = divmod(number, radix)
        found.append(numeral)
    return found[::-1]
