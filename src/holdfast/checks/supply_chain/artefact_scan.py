"""Does any file of the model run code, mislead its readers or hold a credential, and was every byte looked at?

**What it answers.** Most model files are programs in disguise: a pickle may call any function of any installed library
the moment it is loaded, a Keras file may hold a function, an ONNX model may name a library to load. Before anything of
the model is loaded, its file, and every file listed under ``artefacts`` in ``holdfast.yaml``, is scanned. This check
counts how many of them failed, and how many were not examined to the end.

**How.** Each file is identified by its content, whatever its name, and read down to the last byte without loading it:
archives and compressed streams are opened within limits, a pickle is followed step by step on an abstract machine. What
a pickle names must stand on an allow list that was generated from the frameworks themselves, and be used as its rule
says; there is no list of bad names. A byte that belongs to no structure is reported, and so is a file that two readers
would read differently. A file that somebody approved in the policy by its digest counts as approved, not as failed.

**How to read it.** ``n_failed`` is at least the number of files that can do harm: a scan shows what it recognises. Zero
is therefore *not broken by the scan*, not a proof. ``n_not_examined`` counts files of which some part was not looked
at, because its format has no reader here, it is damaged, or a limit was hit: about them nothing is known.

- *Good:* one ONNX file, examined to the last byte, nothing found.
- *Bad:* a joblib file whose array is followed by ``os.system``: loading it would have run a command.
- *Misleading:* a pickle of your own class fails although it is harmless. The scan cannot know what your code does;
  whoever read that code can approve the file by its digest.

**When it misleads.** A clean scan says that loading the file does nothing but build the objects of known libraries. It
says nothing about the weights: a backdoor that was trained into a model is not in its format. Versions of a framework
that the allow list has never seen are not examined rather than trusted.

**What to do about a bad one.** Do not load the file anywhere. Ask where it came from, get it again from its maker, or
export the model to ONNX, which holds no code. Remove credentials from files and withdraw them. If you answer for a
file, approve it by digest in the policy, with an owner, a reason and a day on which that ends.

References: OWASP ML06:2023; MITRE ATLAS AML.T0010 and AML.T0011.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.check import Measured, Outcome, counted
from holdfast.core.context import Context
from holdfast.core.errors import NotRun
from holdfast.core.scan import ScannedFile
from holdfast.core.subject import Subject

if TYPE_CHECKING:
    import polars as pl

SPEC = {
    "title": "Model file scan",
    "question": "Does any file of the model run code, mislead its readers or hold a credential?",
    "needs": ["artefacts"],
    "measures": [
        {
            "id": "n_failed",
            "name": "Files that execute, mislead or hold a credential",
            "unit": "files",
            "direction": "lower_is_better",
            "bound": "lower",
            "range": [0, None],
        },
        {
            "id": "n_not_examined",
            "name": "Files not examined to the end",
            "unit": "files",
            "direction": "lower_is_better",
            "range": [0, None],
        },
        {
            "id": "n_approved",
            "name": "Files that did not pass and are approved by digest",
            "unit": "files",
            "direction": "neither",
            "range": [0, None],
        },
    ],
    "evidence_codes": ["SCAN"],
    "references": ["OWASP ML06:2023 AI Supply Chain Attacks", "MITRE ATLAS AML.T0010, AML.T0011"],
    "cost": "light",
}

REMEDIATION = (
    "Do not load a file that failed. Get it again from its maker, or export the model to ONNX, which holds no code; "
    "withdraw credentials that were found. Approve a file by digest in the policy only if somebody answers for it."
)


def run(subject: Subject, ctx: Context) -> Outcome:
    """Count the files by what their scan says."""
    files = subject.artefacts
    if not files:
        raise NotRun("there are no model files", hint="give --model, or list artefacts in holdfast.yaml")
    outcomes = [file.outcome for file in files]
    counts = {
        "n_failed": (outcomes.count("fail"), "failed the scan"),
        "n_not_examined": (outcomes.count("not_examined"), "could not be examined to the end"),
        "n_approved": (outcomes.count("approved"), "did not pass and are approved by digest"),
    }
    return Outcome(
        measurements=tuple(_measured(name, count, words, len(files)) for name, (count, words) in counts.items()),
        tables={"files": _files(files), "observations": _observations(files)},
        remediation=REMEDIATION,
        assumptions=("A clean scan says what loading the files does; it says nothing about the weights in them.",),
        work={"files": len(files), "bytes": sum(file.size or 0 for file in files)},
    )


def _measured(name: str, count: int, words: str, n: int) -> Measured:
    plain = f"{count:,} of {n:,} model file{'s' if n != 1 else ''} {words}."
    return counted(name, count, of="the files given", n=n, plain=plain)


def _files(files: tuple[ScannedFile, ...]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        [(file.path, file.digest, file.size, file.format, file.outcome, len(file.observations)) for file in files],
        schema={
            "file": pl.String,
            "digest": pl.String,
            "bytes": pl.Int64,
            "format": pl.String,
            "outcome": pl.String,
            "observations": pl.Int64,
        },
        orient="row",
    )


def _observations(files: tuple[ScannedFile, ...]) -> pl.DataFrame:
    import polars as pl

    rows = [
        ("!".join((file.path, *one.place.path[1:])), one.place.start, one.place.end, one.kind, one.rule, one.message,
         one.detail)
        for file in files
        for one in file.observations
    ]  # fmt: skip
    schema = {
        "file": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
        "kind": pl.String,
        "rule": pl.String,
        "message": pl.String,
        "detail": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
