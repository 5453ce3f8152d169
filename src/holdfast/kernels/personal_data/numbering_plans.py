"""Which telephone numbers with a country's code can exist, by the numbering plans that libphonenumber keeps."""

from __future__ import annotations


def is_international_number(text: str) -> bool:
    """Whether a number that begins with "+" or "00" has a length that its country's plan allows (ITU-T E.164)."""
    import phonenumbers

    number_only = text.replace("(0)", "").split("x")[0].split("e")[0]  # without a trunk 0 and an extension
    digits = "".join(character for character in number_only if character.isdigit())
    if not text.startswith("+"):
        digits = digits[2:]
    if not 7 <= len(digits) <= 15:
        return False
    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number)
