"""A Sigstore of our own for tests: an authority, a log of certificates and a log of signatures, all in memory.

Every part can be made wrong in one place, so that a test says which part it is that a verifier looks at.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from holdfast.core.canonical import canonical_json
from holdfast.evidence.manifest import signed_bytes

SOMEONE, PROVIDER = "someone@example.com", "https://accounts.example.com"
TIMESTAMPS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
START = datetime(2024, 1, 1, tzinfo=UTC)
SIGNED_AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
KINDS = ("tlogs", "ctlogs", "certificateAuthorities")
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def day(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_usage(**on: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


@dataclass(kw_only=True)
class SmallSigstore:
    """The services.

    Attributes
    ----------
    authority, certificate_log, log
        Their keys.
    n_before
        Entries in the log of signatures before the first one.
    """

    authority: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    certificate_log: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    n_before: int = 5

    def __post_init__(self) -> None:
        self.root = self._root()

    def _root(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A small Sigstore")])
        public = self.authority.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(public)
            .serial_number(1)
            .not_valid_before(START)
            .not_valid_after(START + timedelta(days=7300))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return builder.sign(self.authority, hashes.SHA256())

    def certify(
        self,
        public: ec.EllipticCurvePublicKey,
        *,
        names: tuple[x509.GeneralName, ...] = (x509.RFC822Name(SOMEONE),),
        provider: str = PROVIDER,
        old_provider: str | None = None,
        at: datetime = SIGNED_AT,
    ) -> x509.Certificate:
        """Certify for ten minutes whose key it is, with the timestamp of the log of certificates."""
        raw = provider.encode()
        length = bytes([len(raw)]) if len(raw) < 128 else b"\x81" + bytes([len(raw)])
        issuer = self.authority.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(minutes=1))
            .not_valid_after(at + timedelta(minutes=9))
            .add_extension(key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.SubjectAlternativeName(list(names)), critical=True)
            .add_extension(_other("1.3.6.1.4.1.57264.1.1", (old_provider or provider).encode()), critical=False)
            .add_extension(_other("1.3.6.1.4.1.57264.1.8", b"\x0c" + length + raw), critical=False)
        )
        before = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        timestamp = self._timestamp(before, at)
        listed = struct.pack(">HH", len(timestamp) + 2, len(timestamp)) + timestamp
        octets = b"\x04" + bytes([len(listed)]) if len(listed) < 128 else b"\x04\x81" + bytes([len(listed)])
        builder = builder.add_extension(x509.UnrecognizedExtension(TIMESTAMPS, octets + listed), critical=False)
        return builder.sign(self.authority, hashes.SHA256())

    def _timestamp(self, certificate: bytes, at: datetime) -> bytes:
        """Promise to log a certificate (RFC 6962, section 3.2)."""
        head = struct.pack(">BBQH", 0, 0, int(at.timestamp() * 1000), 1)
        issuer = hashlib.sha256(spki(self.authority)).digest()
        entry = issuer + len(certificate).to_bytes(3, "big") + certificate
        signature = signed(self.certificate_log, head + entry + struct.pack(">H", 0))
        log_id = hashlib.sha256(spki(self.certificate_log)).digest()
        head = b"\x00" + log_id + struct.pack(">QH", int(at.timestamp() * 1000), 0)
        return head + b"\x04\x03" + struct.pack(">H", len(signature)) + signature

    def entry(self, envelope: dict[str, Any], certificate: x509.Certificate, *, at: datetime) -> dict[str, Any]:
        """Enter a signature in the log, and prove that it stands there."""
        pem = certificate.public_bytes(Encoding.PEM)
        body = canonical_json(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": _hash(json.dumps(envelope).encode()),
                    "payloadHash": _hash(base64.b64decode(envelope["payload"])),
                    "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": text(pem)}],
                },
            }
        )
        leaves = [b"entry %d" % place for place in range(self.n_before)] + [body]
        index, root, proof = self.n_before, _merkle_root(leaves), _merkle_path(self.n_before, leaves)
        log_id = hashlib.sha256(spki(self.log)).digest()
        note = f"log.example - 1\n{len(leaves)}\n{text(root)}\n"
        stamp = signed(self.log, note.encode())
        promise = canonical_json(
            {"body": text(body), "integratedTime": int(at.timestamp()), "logID": log_id.hex(), "logIndex": index}
        )
        return {
            "logIndex": str(index),
            "logId": {"keyId": text(log_id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(int(at.timestamp())),
            "inclusionPromise": {"signedEntryTimestamp": text(signed(self.log, promise))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": text(root),
                "treeSize": str(len(leaves)),
                "hashes": [text(each) for each in proof],
                "checkpoint": {"envelope": f"{note}\n— log.example {text(log_id[:4] + stamp)}\n"},
            },
            "canonicalizedBody": text(body),
        }

    def bundle(
        self,
        payload: bytes,
        *,
        at: datetime = SIGNED_AT,
        logged_at: datetime | None = None,
        payload_type: str = PAYLOAD_TYPE,
        **certified: Any,
    ) -> dict[str, Any]:
        """Sign a statement as somebody who had a token would."""
        key = new_key()
        certificate = self.certify(key.public_key(), at=at, **certified)
        signature = signed(key, signed_bytes(payload_type, payload))
        envelope = {"payload": text(payload), "payloadType": payload_type, "signatures": [{"sig": text(signature)}]}
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": text(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [self.entry(envelope, certificate, at=logged_at or at)],
            },
            "dsseEnvelope": envelope,
        }

    def trusted_root(self, *, url: str = "https://log.example", **ends: datetime) -> dict[str, Any]:
        """Return what a verifier has to know of these services; ``ends`` says of some when they were retired."""
        whole = {"start": day(START)}
        until = {name: {**whole, "end": day(ends[name])} if name in ends else whole for name in KINDS}
        chain = {"certificates": [{"rawBytes": text(self.root.public_bytes(Encoding.DER))}]}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_of(self.log, url, until["tlogs"])],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "A small Sigstore", "commonName": "root"},
                    "uri": url,
                    "certChain": chain,
                    "validFor": until["certificateAuthorities"],
                }
            ],
            "ctlogs": [_log_of(self.certificate_log, url, until["ctlogs"])],
        }

    def trust_config(self, url: str) -> dict[str, Any]:
        """Return what a signer has to know of these services, where they listen on this address."""
        whole = {"start": day(START)}
        service = [{"url": url, "majorApiVersion": 1, "validFor": whole, "operator": "example.com"}]
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root(url=url),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": service,
                "oidcUrls": service,
                "rekorTlogUrls": service,
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    @contextmanager
    def listening(self, asked: list[tuple[str, Any]]) -> Iterator[str]:
        """Answer as Fulcio and Rekor do, on the loopback; yields the address, and notes what was asked."""
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, asked)) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()

    def answer_certificate(self, request: dict[str, Any], token: str) -> dict[str, Any]:
        """Certify the key of a request for whom the token names; a real authority would check the token first."""
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        asked = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        public = asked.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        names = (x509.RFC822Name(claims["sub"]),)
        made = self.certify(public, names=names, provider=claims["iss"], at=datetime.now(UTC))
        chain = [each.public_bytes(Encoding.PEM).decode() for each in (made, self.root)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def answer_entry(self, request: dict[str, Any]) -> dict[str, Any]:
        """Enter what was proposed, and answer in the form of the log's first interface."""
        proposed = request["spec"]["proposedContent"]
        certificate = x509.load_pem_x509_certificate(base64.b64decode(proposed["verifiers"][0]))
        entry = self.entry(json.loads(proposed["envelope"]), certificate, at=datetime.now(UTC))
        proof = entry["inclusionProof"]
        return {
            "some-uuid": {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry["integratedTime"]),
                "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
                "logIndex": int(entry["logIndex"]),
                "verification": {
                    "inclusionProof": {
                        "checkpoint": proof["checkpoint"]["envelope"],
                        "hashes": [base64.b64decode(each).hex() for each in proof["hashes"]],
                        "logIndex": int(proof["logIndex"]),
                        "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                        "treeSize": int(proof["treeSize"]),
                    },
                    "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                },
            }
        }


def identity_token(**claims: Any) -> str:
    """Write a token that no provider signed: the client only forwards it."""
    now = int(datetime.now(UTC).timestamp())
    whole = {"iss": PROVIDER, "sub": SOMEONE, "aud": "sigstore", "iat": now, "exp": now + 600, **claims}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, whole)] + [b"none"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _other(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _log_of(key: ec.EllipticCurvePrivateKey, url: str, valid: dict[str, str]) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": text(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid},
        "logId": {"keyId": text(hashlib.sha256(spki(key)).digest())},
    }


def _half(n: int) -> int:
    """Return the largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def _merkle_root(leaves: list[bytes]) -> bytes:
    """Compute the root as RFC 6962, section 2.1, defines it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = _half(len(leaves))
    return hashlib.sha256(b"\x01" + _merkle_root(leaves[:k]) + _merkle_root(leaves[k:])).digest()


def _merkle_path(place: int, leaves: list[bytes]) -> list[bytes]:
    """Compute the audit path of a leaf (RFC 6962, section 2.1.1)."""
    if len(leaves) == 1:
        return []
    k = _half(len(leaves))
    if place < k:
        return [*_merkle_path(place, leaves[:k]), _merkle_root(leaves[k:])]
    return [*_merkle_path(place - k, leaves[k:]), _merkle_root(leaves[:k])]


def _handler(services: SmallSigstore, asked: list[tuple[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, request))
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            answers: dict[str, Callable[[], dict[str, Any]]] = {
                "/api/v2/signingCert": lambda: services.answer_certificate(request, token),
                "/api/v1/log/entries": lambda: services.answer_entry(request),
            }
            self.answer(201, answers[self.path]())

        def do_GET(self) -> None:
            """Say where people would log in; nobody does."""
            self.answer(200, {"authorization_endpoint": "http://127.0.0.1", "token_endpoint": "http://127.0.0.1"})

        def answer(self, status: int, value: dict[str, Any]) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler
