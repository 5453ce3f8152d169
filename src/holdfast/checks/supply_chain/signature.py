"""Has somebody you trust signed the model, is it as it was signed, and is there a file that nobody signed?

**What it answers.** Whoever can write to the place where a model lies can exchange it, or put a file beside it that
is loaded with it. A signature by a key that you trust, over the digest of every file, makes that visible. This check
takes the signature named under ``signature`` in ``holdfast.yaml``, the keys under ``trusted_keys``, and every file of
the model, and counts what the signature does not vouch for. Accounts that sign without a key, by the rules of
Sigstore, stand under ``trusted_identities``, each with its identity provider.

**How.** The signature is a bundle in the format of the OpenSSF (a Sigstore bundle around an in-toto statement), as
``holdfast sign`` and the package ``model-signing`` write it. First its signature is checked with each trusted key,
and only then is it read. One without a key counts as trusted when its certificate names a trusted account, and
certificate and entry in the public log hold against ``trusted_root``, a file; nothing is asked of the network. Then
every file that is there is held against every file that was signed, by name and digest. The digests are those of the
scan: what is vouched for is what was examined, and what is loaded. Hidden files are files, in ``.git`` too; links,
pipes and devices are never followed and count as unsigned; so do two names that are one where upper and lower case
are not told apart. What the signer chose to leave out counts as unsigned unless you allow it by its path, under
``unsigned``. Files of the audit that lie outside what was signed count too.

**How to read it.** ``n_untrusted`` is 1 when nobody trusted made the signature, or there is none: then nothing below
it means anything, and every file counts as unsigned. ``n_altered`` counts files that are not what was signed:
changed, missing, renamed, or written to while they were read. ``n_unsigned`` counts files that are there and that
nobody signed. All three are complete counts.

- *Good:* three zeros: a trusted key vouches for every byte.
- *Bad:* one altered file, *it holds what was signed as model-v1.onnx*: somebody put an old model in the place of the
  new.
- *Misleading:* an unsigned ``.gitattributes`` after a checkout. Nothing is wrong with it, and nobody vouches for it;
  allow it by name, or sign again.

**When it misleads.** A signature says who answers for the files and that they did not change since. It says nothing
about whether they are good: a model with a backdoor can be signed. A key that was stolen signs as well as one that
was not. An account signs as well for whoever took it over.

**What to do about a bad one.** Do not use the model. Get the files again from whoever signed them, and their public
key by another way than the files. If they are right, have them signed again.

References: OpenSSF Model Signing Specification 1.0; MITRE ATLAS AML.T0010; OWASP ML06:2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome, counted
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.signature import SignatureRecord
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

SPEC = {
    "title": "Signature of the model",
    "question": "Has somebody you trust signed every file of the model as it is?",
    "needs": ["signature"],
    "measures": [
        {
            "id": "n_untrusted",
            "name": "Signatures missing, broken or made by nobody trusted",
            "unit": "signatures",
            "direction": "lower_is_better",
            "range": [0, 1],
        },
        {
            "id": "n_altered",
            "name": "Files that are not as they were signed",
            "unit": "files",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_unsigned",
            "name": "Files that nobody trusted has signed",
            "unit": "files",
            "direction": "lower_is_better",
            "range": [0, None],
        },
    ],
    "evidence_codes": ["SIGN"],
    "references": ["OpenSSF Model Signing Specification 1.0", "OWASP ML06:2023", "MITRE ATLAS AML.T0010"],
    "cost": "light",
}

ALTERED = frozenset({"changed", "missing", "unstable"})
UNSIGNED = frozenset({"unsigned", "refused", "ambiguous"})
REMEDIATION = (
    "Do not use files that nobody vouches for. Get them again from whoever signed the model, and their public key by "
    "another way. If the files are right, have them signed again with `holdfast sign`; allow by path what needs no "
    "signature."
)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Count what the signature does not vouch for."""
    record = subject.signature
    if record is None:
        raise NotRun(
            "neither a signature of the model nor a signer to trust was given",
            hint="sign the model with `holdfast sign`, and name signature and trusted_keys in holdfast.yaml",
        )
    altered = {fault.path for fault in record.faults if fault.kind in ALTERED}
    unsigned = {fault.path for fault in record.faults if fault.kind in UNSIGNED}
    n = max(record.n_files, record.n_signed)
    why = f" ({record.problem})" if record.problem else ""
    measurements = (
        _measured("n_untrusted", int(bool(record.problem)), 1, f"of 1 signature is by nobody trusted{why}"),
        _measured("n_altered", len(altered), n, f"of {n:,} files are not as they were signed"),
        _measured("n_unsigned", len(unsigned), n, f"of {n:,} files were signed by nobody who is trusted"),
    )
    return Outcome(
        measurements=measurements,
        tables={"signature": _signature(record), "faults": _faults(record)},
        remediation=REMEDIATION,
        assumptions=("A signature says who answers for the files, not that they are good.",),
        work={"files": record.n_files},
    )


def _measured(name: str, count: int, n: int, words: str) -> Measured:
    return counted(name, count, of="the files given", n=n, plain=f"{count:,} {words}.")


def _signature(record: SignatureRecord) -> pl.DataFrame:
    import polars as pl

    rows = {
        "signed": record.name,
        "digest": record.root_digest,
        "key": record.key_id,
        "identity": str(record.identity or ""),
        "trusted_root": record.trusted_root,
        "problem": record.problem,
        "files_signed": str(record.n_signed),
        "files_there": str(record.n_files),
        "left_out_by_the_signer": ", ".join(record.left_out),
        "allowed_without_a_signature": ", ".join(record.allowed),
    }
    return pl.DataFrame(
        {"what": list(rows), "value": list(rows.values())}, schema={"what": pl.String, "value": pl.String}
    )


def _faults(record: SignatureRecord) -> pl.DataFrame:
    import polars as pl

    rows = [(fault.path, fault.kind, fault.detail) for fault in record.faults]
    return pl.DataFrame(rows, schema={"file": pl.String, "kind": pl.String, "detail": pl.String}, orient="row")
