"""What a signature vouches for, as text."""

from __future__ import annotations

from holdfast.core.signature import FaultKind, SignatureRecord
from holdfast.kernels.scan.printable import printable

MOST_CHARACTERS = 1 << 10

WORDS: dict[FaultKind, str] = {
    "changed": "not what was signed",
    "missing": "signed and not there",
    "unsigned": "signed by nobody",
    "refused": "not read",
    "ambiguous": "a name that another file has too",
    "unstable": "it changed while it was read",
}


def render_signature(record: SignatureRecord, *, most: int) -> str:
    """Write the verdict, then at most so many of the faults."""
    lines = [_verdict(record)]
    for fault in record.faults[:most]:
        detail = f" ({fault.detail})" if fault.detail else ""
        lines.append(f"  {fault.path}: {WORDS[fault.kind]}{detail}")
    if len(record.faults) > most:
        lines.append(f"  and {len(record.faults) - most} more")
    if record.key_id:
        lines.append(f"key {record.key_id}")
    if record.identity:
        lines.append(f"signed by {printable(str(record.identity), MOST_CHARACTERS)}")
    if record.trusted_root:
        lines.append(f"trusted root {record.trusted_root}")
    if record.left_out:
        lines.append(f"left out by the signer: {', '.join(record.left_out)}")
    if record.allowed:
        lines.append(f"allowed without a signature: {_counted(len(record.allowed))} ({', '.join(record.allowed[:5])})")
    return "\n".join(lines) + "\n"


def _verdict(record: SignatureRecord) -> str:
    if record.problem:
        return f"FAIL: nobody trusted vouches for {record.name}: {record.problem}"
    if record.faults:
        return f"FAIL: the signature vouches for {record.name} only in part"
    return f"PASS: {record.name} is as it was signed, {_counted(record.n_files)}"


def _counted(n: int) -> str:
    return f"{n:,} file{'s' if n != 1 else ''}"
