from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.checksums import (
    damm,
    luhn,
    mod_11_2,
    mod_11_10,
    mod_37_2,
    mod_37_36,
    mod_97_10,
    verhoeff,
    weighted_sum,
)

# Numbers that standards, authorities and textbooks print as examples.
PUBLISHED = [
    (luhn, "79927398713"),
    (luhn, "4111111111111111"),
    (verhoeff, "2363"),
    (verhoeff, "1428570"),
    (damm, "5724"),
    (mod_97_10, "3214282912345698765432161182"),  # GB82 WEST 1234 5698 7654 32 with the country's letters as digits
    (mod_97_10, "WEST12345698765432GB82"),
    (mod_11_2, "0000000218250097"),  # ORCID 0000-0002-1825-0097
    (mod_11_2, "079X"),
    (mod_11_10, "0794" + "5"),
    (mod_11_10, "33392005961"),
    (mod_37_2, "G123489654321Y"),
    (mod_37_36, "A12425GABC1234002M"),
]


@pytest.mark.parametrize(("check", "number"), PUBLISHED)
def test_published_numbers_pass(check, number):
    assert check(number)


@pytest.mark.parametrize(("check", "number"), PUBLISHED)
def test_any_single_wrong_character_is_seen(check, number):
    # A property of all these schemes; MOD 97-10 counts letters as two digits, so digits are changed for digits.
    for place, character in enumerate(number):
        same_kind = "0123456789" if character.isdecimal() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        if check in (mod_11_2, mod_11_10, luhn, verhoeff, damm) and character == "X":
            same_kind = "0123456789"
        for other in same_kind:
            if other != character:
                assert not check(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize(("check", "number"), [(verhoeff, "2363"), (damm, "5724"), (mod_11_2, "079X")])
def test_swapped_neighbours_are_seen(check, number):
    for place in range(len(number) - 2):
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        assert swapped == number or not check(swapped)


def test_luhn_takes_digits_only():
    assert not luhn("7992739871A")


def test_weighted_sum_counts_letters_as_10_to_35():
    assert weighted_sum("1AZ", (1, 2, 3)) == 1 + 2 * 10 + 3 * 35
