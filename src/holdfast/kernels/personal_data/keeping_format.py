"""Encrypt values so that they still look like what they are: as long, letters where letters were, valid where valid.

Every ASCII digit becomes a digit, every letter a letter of the same case, everything else stays. All values of one
shape are one domain, which FF1 permutes; a domain below a million is refused. Values are hidden, but nothing tells
whether a result was altered: FF1 has no integrity.

References
----------
ISO/IEC 7812-1:2017, annex B (Luhn formula). ISO 13616-1:2020 and ISO/IEC 7064:2003 (MOD 97-10, check digits of IBAN).
"""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.ff1 import BlockCipher, permute_below

FEWEST_CARD_DIGITS = 12
DIGITS = "0123456789"
ALPHABETS = (DIGITS, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_PLACE = {character: (alphabet, index) for alphabet in ALPHABETS for index, character in enumerate(alphabet)}


def encrypt_shape(
    value: str, *, tweak: bytes, cipher: BlockCipher, kept: Sequence[int] = (), backwards: bool = False
) -> str:
    """Encrypt the ASCII letters and digits of a value within its shape.

    Parameters
    ----------
    value
        ASCII text.
    tweak
        What else the permutation depends on, beside the shape and what is kept.
    kept
        Positions of characters that stay as they are.
    backwards
        Decrypt instead.

    Raises
    ------
    ValueError
        If a character is outside ASCII, which no shape holds, or fewer than a million values have this shape.

    Examples
    --------
    >>> encrypt_shape("AB-12-cd", tweak=b"", cipher=bytes)[2::3]
    '--'
    """
    if not value.isascii():
        raise ValueError("expected letters and digits of ASCII, got others, which have no shape to keep")
    stays = set(kept)
    places = [at for at, character in enumerate(value) if character in _PLACE and at not in stays]
    bound, number = 1, 0
    for at in places:
        alphabet, index = _PLACE[value[at]]
        number = number * len(alphabet) + index
        bound *= len(alphabet)
    # what stays and the classes of the rest are part of the tweak: equal parts of different values do not show as equal
    moved = set(places)
    shape = "".join(_PLACE[character][0][0] if at in moved else character for at, character in enumerate(value))
    number = permute_below(number, bound, tweak=tweak + b"\0" + shape.encode(), cipher=cipher, backwards=backwards)
    written = list(value)
    for at in reversed(places):
        alphabet = _PLACE[value[at]][0]
        number, index = divmod(number, len(alphabet))
        written[at] = alphabet[index]
    return "".join(written)


def encrypt_card(
    value: str, *, tweak: bytes, cipher: BlockCipher, keep_first: int = 6, keep_last: int = 0, backwards: bool = False
) -> str:
    """Encrypt the number of a payment card: another valid number of the same issuer.

    Parameters
    ----------
    keep_first, keep_last
        Digits that stay; the first six say who issued it. With last digits kept, the digit before them makes the number
        valid in place of the check digit.

    Raises
    ------
    ValueError
        If the number does not pass the Luhn formula, or too few digits are left to encrypt.

    Examples
    --------
    >>> card = encrypt_card("4111 1111 1111 1111", tweak=b"", cipher=bytes)
    >>> card[:7], luhn(card.replace(" ", ""))
    ('4111 11', True)
    """
    places = [at for at, character in enumerate(value) if character in DIGITS]
    if len(places) < FEWEST_CARD_DIGITS or not luhn(_digits_of(value)):
        raise ValueError("expected a card number of 12 digits or more that passes the Luhn formula")
    free = places[keep_first : len(places) - max(keep_last, 1) - (1 if keep_last else 0)]
    if not free:
        raise ValueError("expected digits to encrypt, got a card number of which all are kept")
    check = places[len(places) - 1 - keep_last]
    stays = set(range(len(value))) - set(free)
    unchecked = value[:check] + "0" + value[check + 1 :]  # the digit that follows from the others must not be a tweak
    written = encrypt_shape(unchecked, tweak=tweak, cipher=cipher, kept=sorted(stays), backwards=backwards)
    fitting = next(digit for digit in DIGITS if luhn(_digits_of(written[:check] + digit + written[check + 1 :])))
    return written[:check] + fitting + written[check + 1 :]


def encrypt_iban(value: str, *, tweak: bytes, cipher: BlockCipher, backwards: bool = False) -> str:
    """Encrypt an international bank account number: another valid one of the same country, length and spacing.

    Raises
    ------
    ValueError
        If it does not have its own check digits, or too few characters are left to encrypt.
    """
    places = [at for at, character in enumerate(value) if character in _PLACE]
    if not value.isascii() or len(places) < 6 or iban_check_digits(value) != "".join(value[at] for at in places[2:4]):
        raise ValueError("expected an IBAN with right check digits")
    first, second = places[2:4]
    unchecked = value[:first] + "0" + value[first + 1 : second] + "0" + value[second + 1 :]
    written = encrypt_shape(unchecked, tweak=tweak, cipher=cipher, kept=range(places[4]), backwards=backwards)
    digits = iban_check_digits(written)
    return written[:first] + digits[0] + written[first + 1 : second] + digits[1] + written[second + 1 :]


def iban_check_digits(value: str) -> str:
    """Compute the two check digits of an IBAN from its country and account, whatever stands in their place."""
    plain = "".join(character for character in value if character in _PLACE).upper()
    number = int("".join(str(int(character, 36)) for character in plain[4:] + plain[:2] + "00"))
    return f"{98 - number % 97:02d}"


def _digits_of(value: str) -> str:
    return "".join(character for character in value if character in DIGITS)
