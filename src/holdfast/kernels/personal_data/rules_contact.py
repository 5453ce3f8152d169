"""E-mail addresses, telephone numbers, web addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.kernels.personal_data.numbering_plans import is_international_number
from holdfast.kernels.personal_data.rule import Anchor, Rule

# Suffixes of files that look like the last label of a host name.
FILE_SUFFIXES = frozenset(
    "png jpg jpeg gif svg webp ico css js ts jsx tsx py md rst txt csv json xml yml yaml toml ini cfg conf "
    "log sh bat exe dll "
    "zip gz tar rar html htm php asp aspx jsp java class cpp hpp rs go rb pl so lock bak tmp pdf doc docx xls xlsx ppt "
    "parquet onnx pkl pt npy npz h5 ipynb sql db".split(" ")
)
# Last labels under which most names of people and firms are registered (IANA root zone: all countries' that are no
# suffix of files, and the largest of the others).
TOP_LEVELS = frozenset(
    "com org net edu gov mil int info biz name eu io ai app dev online shop site store tech xyz club blog cloud "
    "ac ad ae af ag al am ao ar as at au aw az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cd cf cg ch ci "
    "ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg es et fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm "
    "gn gp gq gr gt gu gw gy hk hm hn hr ht hu id ie il im in iq ir is it je jm jo jp ke kg kh ki km kn kr kw ky kz la "
    "lb lc li lk lr ls lt lu lv ly ma mc mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no "
    "np nr nu nz om pa pe pf pg ph pk pm pn pr pt pw py qa re ro ru rw sa sb sc sd se sg si sk sl sm sn sr st sv sy sz "
    "tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw".split(
        " "
    )
)


def is_mail_address(text: str) -> bool:
    """Whether the parts of an address are as RFC 5321 has them and its domain is no name of a file."""
    local, _, domain = text.replace("%40", "@").rpartition("@")
    labels = domain.lower().split(".")
    return (
        len(local) <= 64
        and len(domain) <= 253
        and ".." not in local
        and not local.endswith(".")
        and labels[-1] not in FILE_SUFFIXES - {"pl", "rs", "py", "sh", "so"}
        and all(0 < len(label) <= 63 and label[0] != "-" and label[-1] != "-" for label in labels)
    )


def n_digits(text: str) -> int:
    """How many digits a telephone number has, those of an extension left out."""
    return sum(character.isdigit() for character in _EXTENSION.sub("", text))


def leading_groups(text: str) -> Iterator[str]:
    """What is left of a number with "+" without its last group, its last two and so on: another number may follow."""
    if text.startswith("+"):
        for gap in reversed(list(_BETWEEN.finditer(text))):
            yield text[: gap.start()]


def is_host_name(text: str) -> bool:
    """Whether a bare name, perhaps with a path, ends in a label under which names are registered."""
    host = text.split("/", 1)[0].split(":", 1)[0].lower()
    labels = host.split(".")
    last = labels[-1]
    if last not in TOP_LEVELS or not any(character.isalpha() for character in labels[-2]):
        return False
    return last not in FILE_SUFFIXES or len(labels) > 2 or "/" in text


_EXTENSION = re.compile("[a-z].*")
_BETWEEN = re.compile(r"[ ./-]+(?=[0-9(])")
_NOT_AFTER_WORD = r"(?<![A-Za-z0-9_\xfe\xff])"
_PHONE_WORDS = (
    "phone", "phones", "telephone", "tel", "telefon", "telefone", "telefono", "telefoon", "telefonu",
    "telefonnummer", "tlf", "mobile", "cell", "cellphone", "handy", "mobil", "mobilnummer", "movil", "celular",
    "cellulare", "gsm", "komorka", "komorkowy", "puhelin", "puh", "portable", "fax", "faks", "telefax", "facsimile",
    "call", "calls", "called", "calling", "ring", "dial", "reach", "contact", "contacts", "text", "sms", "whatsapp",
    "signal", "viber", "office", "landline", "hotline", "helpline", "voicemail", "extension", "ext", "rufnummer",
    "anrufen", "appelez", "appeler", "llame", "llamar", "chiamare", "bellen", "dzwonic", "zadzwon", "kontakt",
    "numer", "telefonie", "telefoni", "registered", "callback", "msisdn",
)  # fmt: skip
_GROUPED = r"[0-9]{2,5}(?:[ .-][0-9]{2,8}){1,5}"
_END = r"(?![0-9A-Za-wyz_\xfe\xff])(?![.,:/-][0-9])(?:[ ]?(?:x|ext\.?|extension)[ ]?[0-9]{1,6}(?![0-9A-Za-z]))?"
_START = r"(?<![A-Za-z0-9_+#$\xfe\xff])(?<![0-9][.,:/-])(?<![0-9] )"

RULES: tuple[Rule, ...] = (
    Rule(
        "EMAIL_ADDRESS",
        "email",
        r"(?<![A-Za-z0-9._%+\xfe\xff-])[A-Za-z0-9_\xfe\xff][A-Za-z0-9._%+'\xfe\xff-]{0,63}(?:@|%40)"
        r"(?:[A-Za-z0-9\xfe\xff]"
        r"(?:[A-Za-z0-9\xfe\xff-]{0,61}[A-Za-z0-9\xfe\xff])?\.){1,6}[A-Za-z\xfe\xff]{2,24}(?![A-Za-z0-9_\xfe\xff])",
        Anchor("at"),
        0.95,
        "RFC 5321, section 4.1.2, as it is used",
        validate=is_mail_address,
        examples=("anna.nowak@example.com", "o'brien+news@mail.example.co.uk", "?user=anna%40example.com"),
    ),
    Rule(
        "URL",
        "url",
        r"(?<![A-Za-z0-9\xfe\xff])(?:https?|ftps?|sftp|wss?)://[^\x00-\x20\x80<>\"{}|\\^`]{1,2048}(?<![.,;:!?)\]'*])",
        Anchor("dot"),
        0.95,
        "RFC 3986",
        examples=("https://www.example.org/people/anna?id=3", "ftp://files.example.com"),
    ),
    Rule(
        "URL",
        "host",
        r"(?<![A-Za-z0-9_@.\xfe\xff/\\=-])(?:[A-Za-z0-9\xfe\xff]"
        r"(?:[A-Za-z0-9\xfe\xff-]{0,61}[A-Za-z0-9\xfe\xff])?\.){1,6}[a-z]{2,24}"
        r"(?![A-Za-z0-9_@\xfe\xff(-])(?!\.[A-Za-z0-9])(?::[0-9]{2,5})?(?:/[^\x00-\x20\x80<>\"{}|\\^`]{0,2048}"
        r"(?<![.,;:!?)\]'*]))?",
        Anchor("dot"),
        0.6,
        "RFC 1123, section 2.1; IANA root zone",
        validate=is_host_name,
        examples=("www.example.org/people", "example.com"),
    ),
    Rule(
        "PHONE_NUMBER",
        "phone_international",
        r"(?<![A-Za-z0-9_+\xfe\xff])(?<![0-9][.,:/-])(?:\+|00)[ ]?[1-9][0-9]{0,3}(?:[ ]?\(0?[0-9]{0,4}\)|["
        r" ./-]{1,2}\(?[0-9]{1,5}\)?)?(?:[ ./-]{0,2}[0-9]{2,8}){1,5}" + _END,
        Anchor("digit", total=7),
        0.85,
        "ITU-T E.164; numbering plans as kept by libphonenumber",
        context=_PHONE_WORDS,
        context_score=0.97,
        validate=is_international_number,
        beginnings=leading_groups,
        examples=("+44 20 7946 0018", "0049 (0)30 901820", "msisdn=+442079460018 200 ok"),
    ),
    Rule(
        "PHONE_NUMBER",
        "phone_north_america",
        _START + r"(?:\+?(?:00)?1[ .-]?)?(?:\([0-9]{3}\)[ ]?|[0-9]{3}([.-]))[0-9]{3}(?(1)\1|[.-])[0-9]{4}" + _END,
        Anchor("digit", first=(1, 6), total=10),
        0.75,
        "ATIS-0300051, as written in North America",
        context=_PHONE_WORDS,
        context_score=0.95,
        examples=("(212) 555-0147", "212-555-0147x12"),
    ),
    Rule(
        "PHONE_NUMBER",
        "phone_area_in_brackets",
        _START + r"\(0?[0-9]{2,5}\)[ -]?[0-9]{2,5}(?:[ .-]?[0-9]{2,5}){0,3}" + _END,
        Anchor("digit", first=(2, 6), total=7),
        0.65,
        "ITU-T E.123, section 2: area codes in brackets",
        context=_PHONE_WORDS,
        context_score=0.95,
        validate=lambda text: 7 <= n_digits(text) <= 15,
        examples=("(030) 901-820", "(55) 5986-8343"),
    ),
    Rule(
        "PHONE_NUMBER",
        "phone_trunk_zero",
        _START + r"0[1-9][0-9]{0,4}(?:[ ./-]{1,3}[0-9]{2,8}){1,5}" + _END,
        Anchor("digit", first=(2, 6), total=8),
        0.55,
        "ITU-T E.123: national numbers after a trunk 0",
        context=_PHONE_WORDS,
        context_score=0.95,
        validate=lambda text: 8 <= n_digits(text) <= 13,
        examples=("020 7946 0018", "0494 92 82 32"),
    ),
    Rule(
        "PHONE_NUMBER",
        "phone_in_groups",
        _START + _GROUPED + _END,
        Anchor("digit", first=(2, 5), total=6),
        0.2,
        "ITU-T E.123: groups of digits; needs words of the telephone around it",
        context=_PHONE_WORDS,
        context_score=0.85,
        validate=lambda text: 6 <= n_digits(text) <= 13,
        examples=("Phone: 24 428557", "You can call 73 448 266"),
    ),
    Rule(
        "PHONE_NUMBER",
        "phone_plain",
        _START + r"[0-9]{7,13}" + _END,
        Anchor("digit", first=(7, 13), total=7),
        0.1,
        "digits alone; needs words of the telephone around it",
        context=_PHONE_WORDS,
        context_score=0.7,
        examples=("Fax: 3732695155",),
    ),
)
