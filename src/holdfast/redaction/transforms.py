"""What a rule of a plan does to one value."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from holdfast.core.errors import InputError
from holdfast.kernels.personal_data import generalising
from holdfast.kernels.personal_data.date_text import shift_date
from holdfast.kernels.personal_data.ff1 import BlockCipher
from holdfast.kernels.personal_data.keeping_format import encrypt_card, encrypt_iban, encrypt_shape
from holdfast.kernels.personal_data.masking import mask
from holdfast.redaction.keys import Key, KeyRing, block_cipher, derive
from holdfast.redaction.plan import GENERALISATIONS, KEYED, Plan, Rule
from holdfast.redaction.tokens import STRING, Sealer
from holdfast.redaction.vault import Vault

ISSUER_DIGITS = 6
_WHOLE = re.compile("-?[1-9][0-9]*")  # numbers that a cycle of FF1 can come back to


@dataclass(slots=True)
class Document:
    """What values are numbered and shifted within: a record, and whom it is about."""

    subject: str = ""
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)

    def number(self, label: str, value: str) -> int:
        """Return 1 for the first value of a label, 2 for the next that differs, and so on."""
        key = label, plain_form(value)
        if key not in self.numbers:
            self.highest[label] = self.numbers[key] = self.highest.get(label, 0) + 1
        return self.numbers[key]


class Written(NamedTuple):
    """What stands in place of a value (``None``: the record is left out), how it came about, and under which key."""

    text: str | None
    method: str
    key_id: str = ""


Apply = Callable[[str, Document, bytes], Written]  # value, its document, whether it is text or JSON


def plain_form(value: str) -> str:
    """Return what equal values have in common: case, width and runs of blanks do not count."""
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
    return " ".join(value.casefold().split())


@dataclass(frozen=True, slots=True)
class Tools:
    """Keys and vault that a plan needs; checks that they are there.

    Raises
    ------
    InputError
        When they are not.
    """

    plan: Plan
    keys: KeyRing | None = None
    vault: Vault | None = None

    def __post_init__(self) -> None:
        if self.plan.needs_key and self.keys is None:
            methods = sorted({rule.transform for rule in self.plan.rules} & KEYED)
            raise InputError(
                f"the plan {self.plan.name!r} uses {', '.join(methods)}, which needs a key, and none was given",
                hint="make one with `holdfast pii keys KEYS.json` and give it with --key-file KEYS.json",
            )
        if self.plan.needs_vault and self.vault is None:
            raise InputError(
                f"the plan {self.plan.name!r} keeps values in a vault, and none was given", hint="add --vault FILE"
            )

    @property
    def key(self) -> Key:
        """The newest key."""
        assert self.keys is not None  # checked when this was made
        return self.keys.newest


def build(rule: Rule, label: str, tools: Tools) -> Apply:
    """Make what a rule does to values of a label; values that it cannot hold become tokens or placeholders."""
    apply = _BUILDERS[rule.transform](rule, label, tools)
    if rule.keep_domain and rule.transform != "encrypt":
        return _beside_domain(apply)
    return apply


def _keep(rule: Rule, label: str, tools: Tools) -> Apply:
    return lambda value, document, kind: Written(value, "keep")


def _drop(rule: Rule, label: str, tools: Tools) -> Apply:
    return lambda value, document, kind: Written("", "drop")


def _suppress(rule: Rule, label: str, tools: Tools) -> Apply:
    return lambda value, document, kind: Written(None, "suppress")


def _replace(rule: Rule, label: str, tools: Tools) -> Apply:
    return lambda value, document, kind: Written(f"[{label}_{document.number(label, value)}]", "replace")


def _mask(rule: Rule, label: str, tools: Tools) -> Apply:
    first, last, character = rule.keep_first or 0, rule.keep_last, rule.character
    return lambda value, document, kind: Written(
        mask(value, keep_first=first, keep_last=last, character=character), "mask"
    )


def _generalise(rule: Rule, label: str, tools: Tools) -> Apply:
    to = rule.to or GENERALISATIONS.get(label)
    digits = 3 if rule.digits is None else rule.digits
    ways: dict[str, Callable[[str], str | None]] = {
        "age_band": lambda value: generalising.age_band(value, width=rule.width),
        "zip_prefix": lambda value: generalising.zip_prefix(value, digits=digits),
        "year": generalising.year_of,
        "network": generalising.network_of,
    }
    if to is None:  # by the default rule of a plan, for a label of which nothing coarser is known
        return _replace(rule, label, tools)
    return _or_else(ways[to], "generalise", "", _replace(rule, label, tools))


def _hash(rule: Rule, label: str, tools: Tools) -> Apply:
    key_id, digits = tools.key.id, rule.digits or 20
    secret = derive(tools.key.secret, "hash", tools.plan.purpose, label)

    def apply(value: str, document: Document, kind: bytes) -> Written:
        code = hmac.digest(secret, plain_form(value).encode("utf-8", "surrogatepass"), hashlib.sha256)
        return Written(f"[{label}#{key_id}#{code.hex()[:digits]}]", "hash", key_id)

    return apply


def _shift_date(rule: Rule, label: str, tools: Tools) -> Apply:
    key_id, plan = tools.key.id, tools.plan
    other = _replace(rule, label, tools)

    def apply(value: str, document: Document, kind: bytes) -> Written:
        code = derive(tools.key.secret, "shift_date", plan.purpose, document.subject, n_bytes=8)
        days = int.from_bytes(code, "big") % (2 * rule.days) - rule.days
        moved = shift_date(value, days if days < 0 else days + 1, day_first=rule.day_first)  # never by 0
        return other(value, document, kind) if moved is None else Written(moved, "shift_date", key_id)

    return apply


def _token(rule: Rule, label: str, tools: Tools) -> Apply:
    sealer = Sealer(tools.key, tools.plan.purpose)
    key_id = tools.key.id
    return lambda value, document, kind: Written(sealer.token(value, label, kind=kind), "token", key_id)


def _vault(rule: Rule, label: str, tools: Tools) -> Apply:
    vault, purpose, key_id = tools.vault, tools.plan.purpose, tools.key.id
    assert vault is not None  # checked by Tools
    return lambda value, document, kind: Written(
        # without a subject a value is one by itself, so that it can be erased by value
        vault.put(value, label=label, purpose=purpose, subject=document.subject or value, kind=kind), "vault", key_id
    )  # fmt: skip


def _encrypt(rule: Rule, label: str, tools: Tools) -> Apply:
    change = format_cipher(rule, label, tools.key, tools.plan.purpose)
    other, key_id = _token(rule, label, tools), tools.key.id

    def apply(value: str, document: Document, kind: bytes) -> Written:
        is_number = kind != STRING
        text = None if is_number and not _WHOLE.fullmatch(value) else change(value, False, is_number)
        return other(value, document, kind) if text is None else Written(text, "encrypt", key_id)

    return apply


# value, whether to decrypt, whether it is a number, which never begins with a zero; ``None`` where it does not fit
FormatCipher = Callable[[str, bool, bool], str | None]


def format_cipher(rule: Rule, label: str, key: Key, purpose: str) -> FormatCipher:
    """Make the encryption of a label in its format."""
    tweak = f"{purpose}\0{label}".encode()
    cipher = block_cipher(derive(key.secret, "ff1"))

    def change(value: str, backwards: bool, is_number: bool) -> str | None:
        body, domain = split_domain(value) if rule.keep_domain else (value, "")
        try:
            while True:  # a number is encrypted until no zero stands first: cycle walking, which decryption walks back
                body = _in_format(rule, label, body, domain, tweak, cipher, backwards)
                if not (is_number and body.startswith(("0", "-0"))):
                    return body + domain
        except ValueError:
            return None

    return change


def _in_format(
    rule: Rule, label: str, body: str, domain: str, tweak: bytes, cipher: BlockCipher, backwards: bool
) -> str:
    first, last = rule.keep_first, rule.keep_last
    if label == "CREDIT_CARD":
        first = ISSUER_DIGITS if first is None else first
        return encrypt_card(body, tweak=tweak, cipher=cipher, keep_first=first, keep_last=last, backwards=backwards)
    if label == "IBAN_CODE":
        return encrypt_iban(body, tweak=tweak, cipher=cipher, backwards=backwards)
    kept = {*range(min(first or 0, len(body))), *range(max(len(body) - last, 0), len(body))}
    bound = tweak + b"\0" + domain.encode("utf-8", "surrogatepass")
    return encrypt_shape(body, tweak=bound, cipher=cipher, kept=sorted(kept), backwards=backwards)


def _or_else(way: Callable[[str], str | None], method: str, key_id: str, other: Apply) -> Apply:
    def apply(value: str, document: Document, kind: bytes) -> Written:
        text = way(value)
        return other(value, document, kind) if text is None else Written(text, method, key_id)

    return apply


def split_domain(value: str) -> tuple[str, str]:
    """Split an e-mail address before its last "@"."""
    body, sign, domain = value.rpartition("@")
    return (body, sign + domain) if sign and body else (value, "")


def _beside_domain(apply: Apply) -> Apply:
    def beside(value: str, document: Document, kind: bytes) -> Written:
        body, domain = split_domain(value)
        written = apply(body, document, kind)
        return written if written.text is None else written._replace(text=written.text + domain)

    return beside


_BUILDERS: dict[str, Callable[[Rule, str, Tools], Apply]] = {
    "keep": _keep,
    "drop": _drop,
    "suppress": _suppress,
    "replace": _replace,
    "mask": _mask,
    "generalise": _generalise,
    "hash": _hash,
    "shift_date": _shift_date,
    "token": _token,
    "vault": _vault,
    "encrypt": _encrypt,
}
