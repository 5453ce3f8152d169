from __future__ import annotations

import pytest

from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rules_documents import (
    RULES,
    is_checked_vin,
    is_imei,
    is_three_lines,
    is_two_lines,
    is_zone_check,
)

FINDER = Finder(RULES)

# The specimens of ICAO Doc 9303.
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
VISA = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<"


def found(text):
    return [(text[span.start : span.end], span.label) for span in FINDER.find([text])[0]]


@pytest.mark.parametrize("zone", [TD3, TD2, TD1, VISA])
def test_machine_readable_zones_are_found_whole(zone):
    assert found(f"Scan of the document:\n{zone}\nend") == [(zone, "MACHINE_READABLE_ZONE")]
    assert found(zone.replace("\n", "\r\n")) == [(zone.replace("\n", "\r\n"), "MACHINE_READABLE_ZONE")]


def test_the_second_line_of_a_passport_is_found_alone():
    assert found(TD3.split("\n")[1]) == [(TD3.split("\n")[1], "MACHINE_READABLE_ZONE")]


@pytest.mark.parametrize("zone", [TD3, TD2, TD1])
def test_every_check_digit_of_a_zone_counts(zone):
    plain = zone.replace("\n", "")
    check = is_three_lines if len(plain) == 90 else is_two_lines
    assert check(plain)
    digits = [place for place, character in enumerate(plain) if character.isdecimal()]
    for place in digits:
        assert not check(plain[:place] + str((int(plain[place]) + 1) % 10) + plain[place + 1 :])


def test_zone_check_digit_of_the_specimen():
    assert is_zone_check("D23145890", "7")
    assert is_zone_check("520727", "3")


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "1HGCM82633A004352"])
def test_north_american_vins(vin):
    assert is_checked_vin(vin)
    assert not is_checked_vin(vin[:-1] + str((int(vin[-1]) + 1) % 10))


def test_imei():
    assert is_imei("490154203237518")
    assert not is_imei("490154203237519")
    assert not is_imei("000000000000000")


@pytest.mark.parametrize(
    ("text", "value", "label"),
    [
        ("numer VIN pojazdu: WVW0 0000 04RZ PEJE C.", "WVW0 0000 04RZ PEJE C", "VIN"),
        ("vin: wvwzzz1jz3w386752", "wvwzzz1jz3w386752", "VIN"),
        ("Nr rej. KR 1234A", "KR 1234A", "VEHICLE_PLATE"),
        ("amtliches Kennzeichen: B-AB 123", "B-AB 123", "VEHICLE_PLATE"),
        ("Passport No. X1234567", "X1234567", "PASSPORT"),
        ("паспорт 45 04 346812", "45 04 346812", "RU_PASSPORT"),
        ("IMEI: 49-015420-323751-8", "49-015420-323751-8", "IMEI"),
    ],
)
def test_documents_by_their_words(text, value, label):
    assert found(text) == [(value, label)]


@pytest.mark.parametrize("text", ["WVWZZZ1JZ3W386752", "X1234567", "KR 1234A", "490154203237518", "123456789"])
def test_weak_shapes_without_words_are_quiet(text):
    assert found(text) == []
