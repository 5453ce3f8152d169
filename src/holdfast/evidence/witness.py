"""Keep checkpoints where whoever can alter the ledger cannot reach: the memory that shows a ledger rolled back.

A *witness* is somebody else who signs a checkpoint only after seeing that the ledger still begins with all that it held
when the last one was signed. The exchange is a request with a proof; nothing of what the entries say is in it.

References
----------
C2SP (2024), tlog-witness, add-checkpoint.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from holdfast.core.errors import InputError
from holdfast.evidence.keys import KeyPair
from holdfast.evidence.ledger import Ledger
from holdfast.evidence.notes import VerifierKey, cosign, parse_note, signed_by
from holdfast.evidence.writing import write_durably
from holdfast.kernels.merkle.note import Checkpoint, Note, from_base64, read_checkpoint, read_note, write_note
from holdfast.kernels.merkle.tree import EMPTY_ROOT, is_consistent

GIT_REF = "holdfast-ledger"
LARGEST_REQUEST = 1 << 16
LONGEST_PROOF = 63
SECONDS = 30.0
_OLD = re.compile(r"old (0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of a witness: HTTP status, body, and media type of the body."""

    status: int
    body: str
    media_type: str = "text/plain; charset=utf-8"


class Witness:
    """Signs checkpoints of logs that it knows, each only after the one before.

    Parameters
    ----------
    folder
        Where it remembers the newest checkpoint of each log.
    key, name
        Its key and the name under which it signs.
    logs
        The key of each log that it answers, by the name of the log.
    """

    def __init__(self, folder: Path, key: KeyPair, *, name: str, logs: Mapping[str, VerifierKey]) -> None:
        self.verifier = VerifierKey(name, key.public, 4)
        self._folder, self._key, self._logs = folder, key, logs
        self._one_at_a_time = threading.Lock()

    def add_checkpoint(self, request: bytes, *, now: int | None = None) -> Answer:
        """Answer a request: the size that the log believes to be remembered here, the proof, and the checkpoint."""
        try:
            old, proof, note = _read_request(request)
            new = read_checkpoint(note.text)
        except ValueError as error:
            return Answer(400, f"malformed: {error}\n")
        if new.origin not in self._logs:
            return Answer(404, "this log is not known here\n")
        if not signed_by(note, self._logs[new.origin]):
            return Answer(403, "not signed by the key of this log\n")
        if old > new.size:
            return Answer(400, "the older size is larger than the checkpoint\n")
        with self._one_at_a_time:
            last = self._remembered(new.origin)
            if last.size != old or (last.size == new.size and last.root != new.root and last.size):
                return Answer(409, f"{last.size}\n", "text/x.tlog.size")
            if not is_consistent(last.size, last.root, new.size, new.root, proof):
                return Answer(422, "the log does not begin with what it held when I last signed\n")
            write_durably(self._path(new.origin), write_note(note).encode())
        made = cosign(note, self._key, name=self.verifier.name, time=int(time.time()) if now is None else now)
        lines = write_note(Note("x\n", (made,))).partition("\n\n")[2]
        return Answer(200, lines)

    def _remembered(self, origin: str) -> Checkpoint:
        path = self._path(origin)
        if not path.exists():
            return Checkpoint(origin, 0, EMPTY_ROOT)
        return read_checkpoint(read_note(path.read_bytes()).text)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"


def keep_in_file(ledger: Ledger, path: Path) -> str:
    """Write the newest checkpoint to a file, after the one that is there; return the checkpoint.

    Raises
    ------
    InputError
        When the ledger does not begin with what it held when the file was written.
    """
    if path.exists():
        grown_from(ledger, path.read_text(encoding="utf-8"), source=str(path))
    note = ledger.checkpoint()
    write_durably(path, note.encode())
    return note


def keep_in_git(ledger: Ledger, repository: Path) -> str:
    """Write the newest checkpoint as a git note of the current commit; return the checkpoint.

    Push it with ``git push ORIGIN refs/notes/holdfast-ledger``.

    Raises
    ------
    InputError
        When git cannot do that.
    """
    note = ledger.checkpoint()
    command = ["git", "-C", str(repository), "notes", f"--ref={GIT_REF}", "add", "-f", "-F", "-", "HEAD"]
    try:
        subprocess.run(command, input=note.encode(), check=True, capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        raise InputError(
            f"git cannot keep the checkpoint in {repository}: {said.decode(errors='replace').strip()}",
            hint="run this in a repository with at least one commit, or use --file",
        ) from None
    return note


def keep_at_witness(ledger: Ledger, url: str, key: VerifierKey) -> str:
    """Have a witness sign the newest checkpoint; return it with both signatures.

    Raises
    ------
    InputError
        When the witness cannot be reached, refuses, or answers with a signature that is not its own.
    """
    old = 0
    for _ in range(2):
        checkpoint, proof = ledger.growth(old)
        answer = _post(url, write_request(old, proof, checkpoint))
        if answer.status != 409 or not re.fullmatch(r"[0-9]{1,18}\s*", answer.body):
            break
        old = int(answer.body)
    if answer.status != 200:
        raise InputError(
            f"the witness {url} does not sign: {answer.status}, {answer.body.strip()[:200]}",
            hint="422 or 409: the ledger is not the one that it saw; see `holdfast ledger verify`. 404, 403: it must "
            "be given the key of this ledger",
        )
    note = parse_note(checkpoint + answer.body, source=f"the answer of {url}")
    ours = len(parse_note(checkpoint, source="our own checkpoint").signatures)
    if not signed_by(Note(note.text, note.signatures[ours:]), key):
        raise InputError(f"the signature of {url} is not by the key {key.name}", hint="ask the witness for its key")
    return write_note(note)


def grown_from(ledger: Ledger, kept: str, *, source: str) -> None:
    """Demand that a ledger begins with what a checkpoint that was kept speaks of.

    Raises
    ------
    InputError
        When it does not, or the checkpoint is of another ledger.
    """
    try:
        old = read_checkpoint(parse_note(kept, source=source).text)
    except ValueError as error:
        raise InputError(f"{source} is no checkpoint: {error}") from None
    if old.origin != ledger.origin:
        raise InputError(f"{source} is of the ledger {old.origin}, not of {ledger.origin}", hint="name another file")
    text, proof = ledger.growth(old.size)
    new = read_checkpoint(read_note(text).text)
    if not is_consistent(old.size, old.root, new.size, new.root, proof):
        raise InputError(
            f"the ledger does not begin with the {old.size} entries that {source} speaks of: it was rewritten",
            hint="find a copy that verifies with `holdfast ledger verify --since`",
        )


def write_request(old: int, proof: tuple[bytes, ...], checkpoint: str) -> bytes:
    """Write what is sent to a witness."""
    lines = "".join(f"{b64encode(step).decode()}\n" for step in proof)
    return f"old {old}\n{lines}\n{checkpoint}".encode()


def _read_request(request: bytes) -> tuple[int, list[bytes], Note]:
    if len(request) > LARGEST_REQUEST:
        raise ValueError(f"expected at most {LARGEST_REQUEST} bytes")
    head, _, checkpoint = request.decode().partition("\n\n")
    first, *steps = head.split("\n")
    found = _OLD.fullmatch(first)
    if found is None or len(steps) > LONGEST_PROOF:
        raise ValueError("expected a line with the older size, a proof, an empty line and a checkpoint")
    return int(found[1]), [from_base64(step, 32) for step in steps], read_note(checkpoint)


def _post(url: str, body: bytes) -> Answer:
    import httpx

    try:
        answer = httpx.post(f"{url.rstrip('/')}/add-checkpoint", content=body, timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(f"cannot reach the witness {url}: {error}", hint="check the address and the network") from None
    return Answer(answer.status_code, answer.text[:LARGEST_REQUEST])
