"""Signatures without a key of one's own, by the rules of Sigstore: an account at an identity provider vouches.

An authority (Fulcio) certifies for some minutes that a key belongs to an account, and a public log (Rekor) keeps when
the key was used; the private key is thrown away. The package ``sigstore``, of the extra of that name, checks the chain
of the certificate and its timestamp, the entry and the proof of the log, and that the certificate was valid when the
log says that it was used. Checking needs no network: all that is trusted stands in one file, the trusted root.

References
----------
Newman, Meyers and Torres-Arias (2022), Sigstore: software signing for everybody, CCS '22. Sigstore client
specification, section 4. RFC 6962 (certificate transparency), section 3.2.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.errors import InputError, MissingExtra
from holdfast.core.signature import SignerIdentity
from holdfast.kernels.formats.strict_json import read_json
from holdfast.kernels.scan.printable import printable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
    from sigstore.oidc import IdentityToken

TOKEN_VARIABLE = "HOLDFAST_IDENTITY_TOKEN"  # noqa: S105  (the name of a variable)
PUBLIC_INSTANCE = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
"""Where the package ``sigstore`` keeps what it knows of Sigstore's public services."""
SERVICES = ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
GIVE_ROOT = "give a file such as trusted_root.json with --trusted-root, or trusted_root in holdfast.yaml"
LARGEST_ROOT = 4 << 20
LONGEST_REASON = 240
PROVIDER_EXTENSION = "1.3.6.1.4.1.57264.1.8"
OLD_PROVIDER_EXTENSION = "1.3.6.1.4.1.57264.1.1"
NAME_OF_USER = "1.3.6.1.4.1.57264.1.7"
UTF8 = 0x0C
DUMPS = r": expected | \[type=| \(encountered processing"
"""Where messages of other packages go on with values of the bundle."""
MEANING = {
    "failed to build timestamp certificate chain": (
        "its certificate is of no authority in the trusted root, or was not valid when the log says that it was used"
    ),
    "failed to verify SCT": "its certificate stands in no log of certificates that the trusted root names",
    "invalid log entry": "its entry in the public log does not hold",
    "log entry": "its entry in the public log is that of another signature",
    "DSSE: invalid signature": "the signature does not match: what was signed, or the signature, was altered",
}
"""What it means where the package says no, by how its message begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeylessTrust:
    """Whom one trusts to sign without a key.

    Attributes
    ----------
    identities
        At least one, each with its provider.
    root
        File of the trusted root (JSON); the copy that came with the package ``sigstore``, of Sigstore's public
        services, where there is none.
    """

    identities: tuple[SignerIdentity, ...]
    root: Path | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of checking a bundle.

    Attributes
    ----------
    signer
        Who made it; ``None`` when nobody trusted did.
    content
        Type and bytes of what was signed; empty without a signer.
    root
        What it was checked against: the digest of the trusted root and the day of its newest part.
    problem
        Why there is no signer.
    """

    signer: SignerIdentity | None
    content: tuple[str, bytes] = ("", b"")
    root: str = ""
    problem: str = ""


def verify_keyless(data: bytes, trust: KeylessTrust, *, source: str) -> Verified:
    """Check a bundle with a certificate, offline.

    Parameters
    ----------
    data
        The bundle, which may be hostile; it was read as JSON without duplicate keys.
    source
        Its path, for messages.

    Raises
    ------
    InputError
        When it is no bundle that Sigstore knows, or the trusted root cannot be read.
    MissingExtra
        When the package ``sigstore`` is not installed.
    """
    sigstore_installed("checking a signature by Sigstore's certificates")
    content, words = _root_content(trust.root)
    bundle = _bundle(data, source)
    at = bundle.signing_certificate.not_valid_before_utc  # it is valid for minutes, and used in them
    root = _trusted_root(content, at, source=str(trust.root or "the copy in the package sigstore"))
    return replace(_verified(bundle, root, _Policy(trust.identities)), root=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeylessSigner:
    """An account that signs, and the services that certify and log it; see :func:`keyless_signer`."""

    token: IdentityToken = field(repr=False)
    services: ClientTrustConfig = field(repr=False)

    @property
    def account(self) -> str:
        """The account as the token names it; the certificate may name it otherwise."""
        return printable(f"{self.token.identity} (by {self.token.federated_issuer})", 400)

    def sign(self, payload: bytes) -> tuple[bytes, SignerIdentity]:
        """Have a key certified, sign an in-toto statement with it, and have that logged in public, for ever.

        Returns
        -------
        bundle, signer
            The bundle, which was checked against the trusted root of the services, and who made it.

        Raises
        ------
        InputError
            When a service cannot be reached or refuses, or what came back does not hold.
        """
        from sigstore.dsse import Statement
        from sigstore.sign import SigningContext

        try:
            with SigningContext.from_trust_config(self.services).signer(self.token) as signer:
                bundle = signer.sign_dsse(Statement(payload)).to_json().encode()
            root = self.services.trusted_root
        except Exception as error:  # the client lets through whatever its readers and sockets raise
            hint = "nothing was written here; whether the log has an entry by now cannot be told"
            raise InputError(f"the services did not sign: {_reason(error)}", hint=hint) from None
        made = _verified(_bundle(bundle, "the services' answer"), root, _Policy(None))
        if made.signer is None or made.content[1] != payload:
            hint = "the trust configuration may belong to other services"
            raise InputError(f"what the services signed does not hold: {made.problem or 'other content'}", hint=hint)
        return bundle, made.signer


def keyless_signer(token: str | None = None, *, trust_config: Path | None = None) -> KeylessSigner:
    """Find out who signs, and by which services.

    Parameters
    ----------
    token
        An identity token (OpenID Connect, audience ``sigstore``); that of the environment variable
        ``HOLDFAST_IDENTITY_TOKEN`` otherwise, else the one that a CI system offers to its jobs.
    trust_config
        A client trust configuration (JSON): where the services are and what to trust of them. Without one, Sigstore's
        public services; what to trust of them is then fetched.

    Raises
    ------
    InputError
        When there is no token, it is malformed or over, or the configuration cannot be read or fetched.
    MissingExtra
        When the package ``sigstore`` is not installed.
    """
    sigstore_installed("signing without a key")
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken, detect_credential

    hint = f"give one with --identity-token or {TOKEN_VARIABLE}, or run in a CI job that may ask for one"
    try:
        raw = token or os.environ.get(TOKEN_VARIABLE) or detect_credential()
        identity = IdentityToken(raw) if raw else None
    except Error as error:
        raise InputError(f"there is no identity token to sign with: {_reason(error)}", hint=hint) from None
    if identity is None:
        raise InputError("expected an identity token to sign with, got none", hint=hint)
    if trust_config is not None:
        text = _read(trust_config, "a trust configuration")
        try:
            return KeylessSigner(token=identity, services=ClientTrustConfig.from_json(text.decode()))
        except (Error, ValueError) as error:
            raise InputError(f"{trust_config} is no trust configuration: {_reason(error)}") from None
    try:
        return KeylessSigner(token=identity, services=ClientTrustConfig.production())
    except (Error, OSError) as error:
        hint = "connect, or name the services with --trust-config"
        raise InputError(f"cannot fetch what to trust of Sigstore's services: {_reason(error)}", hint=hint) from None


def sigstore_installed(what: str) -> None:
    """Refuse to go on without the extra ``sigstore``.

    Raises
    ------
    MissingExtra
        Naming what needed it.
    """
    try:
        import sigstore  # noqa: F401
    except ImportError:
        raise MissingExtra(what, "sigstore") from None


class _Policy:
    """The part of the check that asks who it is; the package calls it once the certificate itself was checked."""

    def __init__(self, trusted: Sequence[SignerIdentity] | None) -> None:
        """Take those to trust; ``None`` asks nobody's name, which only the signer may do."""
        self.trusted = trusted
        self.signer: SignerIdentity | None = None

    def verify(self, certificate: Certificate) -> None:
        from sigstore.errors import VerificationError

        self.signer = signer_of(certificate)
        if self.trusted is not None and self.signer not in self.trusted:
            who = printable(str(self.signer), 400)
            raise VerificationError(f"it was made by {who}, who is not among the trusted identities")


def signer_of(certificate: Certificate) -> SignerIdentity:
    """Read whom an authority of Sigstore says that a certificate belongs to.

    Raises
    ------
    ValueError
        When it does not name one account and one provider.
    """
    from cryptography import x509

    names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    if len(names) != 1:
        raise ValueError(f"the certificate names {len(names)} accounts, and one is expected")
    name = names[0]
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == NAME_OF_USER:
        identity = _utf8(name.value)
    elif isinstance(name, (x509.RFC822Name, x509.UniformResourceIdentifier)):
        identity = name.value
    else:
        raise ValueError("the certificate names neither an e-mail address nor a URL nor a user")
    stated = {
        extension.oid.dotted_string: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    providers = {_utf8(stated[PROVIDER_EXTENSION])} if PROVIDER_EXTENSION in stated else set()
    if OLD_PROVIDER_EXTENSION in stated:
        providers.add(stated[OLD_PROVIDER_EXTENSION].decode())
    if len(providers) != 1 or not (identity and all(providers)):
        raise ValueError("the certificate does not name one account and one identity provider")
    return SignerIdentity(identity=identity, provider=providers.pop())


def _utf8(der: bytes) -> str:
    """Decode a UTF8String of fewer than 256 bytes (X.690, section 8.23)."""
    start = 3 if der[1:2] == b"\x81" else 2
    if len(der) < start or der[0] != UTF8 or der[start - 1] != len(der) - start:
        raise ValueError("the certificate holds a text that is none")
    return der[start:].decode()


def _bundle(data: bytes, source: str) -> Bundle:
    from sigstore.models import Bundle

    try:
        return Bundle.from_json(data)
    except Exception as error:  # its readers let through what they raise over bytes of strangers
        hint = "ask whoever signed the model for the signature again"
        raise InputError(f"{source} is no bundle of Sigstore: {_reason(error)}", hint=hint) from None


def _verified(bundle: Bundle, root: TrustedRoot, policy: _Policy) -> Verified:
    """Let the package check; whatever it raises means that the bundle was not verified."""
    from sigstore.verify import Verifier

    try:
        content = Verifier(trusted_root=root).verify_dsse(bundle, policy)
    except Exception as error:
        reason = _reason(error)
        meaning = next((words for begin, words in MEANING.items() if reason.startswith(begin)), "")
        return Verified(None, problem=f"{meaning} ({reason})" if meaning else reason)
    return Verified(policy.signer, content)


def _root_content(path: Path | None) -> tuple[bytes, str]:
    """Read the trusted root, and say by digest and age which it is.

    The package's own offline mode would take a copy in the home folder, however old that is.
    """
    if path is not None:
        data, origin = _read(path, "a trusted root of Sigstore"), ""
    else:
        kept = importlib.resources.files("sigstore").joinpath("_store", PUBLIC_INSTANCE, "trusted_root.json")
        try:
            data, origin = kept.read_bytes(), f"; it came with sigstore {importlib.metadata.version('sigstore')}"
        except OSError:
            raise InputError("the installed package sigstore brings no trusted root", hint=GIVE_ROOT) from None
    days = re.findall(rb'"start"\s*:\s*"(\d{4}-\d{2}-\d{2})', data)
    newest = max(days).decode() if days else "an unknown day"
    return data, f"sha256:{hashlib.sha256(data).hexdigest()} (newest part of {newest}{origin})"


def _trusted_root(data: bytes, at: datetime, *, source: str) -> TrustedRoot:
    """Take from the root the services that were in use at a time: the package would take retired ones as well."""
    from sigstore.models import TrustedRoot

    try:
        document = read_json(memoryview(data))
        if document.duplicate_keys:
            raise ValueError(f"it states {document.duplicate_keys[0]!r} twice in one place")
        parts = {name: [one for one in document.value.get(name, []) if _in_use(one, at)] for name in SERVICES}
        with tempfile.TemporaryDirectory(prefix="holdfast-root-") as folder:
            place = Path(folder) / "trusted_root.json"
            place.write_text(json.dumps({**document.value, **parts}), encoding="utf-8")
            return TrustedRoot.from_file(str(place))
    except Exception as error:  # as in a bundle
        raise InputError(f"{source} is no trusted root of Sigstore: {_reason(error)}", hint=GIVE_ROOT) from None


def _in_use(service: dict[str, Any], at: datetime) -> bool:
    period = service.get("publicKey", service).get("validFor", {})
    begin, end = (datetime.fromisoformat(period[name]) if name in period else at for name in ("start", "end"))
    return begin <= at <= end


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_ROOT + 1) if path.is_file() else b""
    except OSError as error:
        raise InputError(f"cannot read {what} in {path}: {error.strerror}") from None
    if not data or len(data) > LARGEST_ROOT:
        raise InputError(f"expected {what} of at most {LARGEST_ROOT >> 20} MiB in {path}, got {len(data)} bytes")
    return data


def _reason(error: Exception) -> str:
    """Return what an error says, in one line, without the values it dumps."""
    said = str(error) or str(error.__cause__ or "") or type(error).__name__
    return printable(re.split(DUMPS, " ".join(said.split()))[0], LONGEST_REASON)
