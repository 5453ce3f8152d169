"""Files that belong together: the values of an ONNX model that lie in other files beside it.

A runtime opens whatever a model names. So each file named must lie in the folder of the model, be a file of its own (no
link, no second name elsewhere) and hold the ranges that are read; only then is the model examined. The file of values
itself is plain numbers, which nobody can tell from anything else by looking; it is examined when the model accounts for
all of it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from holdfast.adapters.artefacts.listing import Artefact, beside
from holdfast.core.scan import FAILING, Location, Observed, ScannedFile, ScanVerdict
from holdfast.kernels.scan.ledger import merged
from holdfast.kernels.scan.printable import printable

EXTERNAL, UNIDENTIFIED = "onnx.external-data", "format.unidentified"
# what alignment between tensors may leave unused
LARGEST_GAP = 1 << 16


@dataclass(frozen=True, slots=True)
class Reference:
    """Bytes ``start`` to ``end`` (``None``: to the end) of another file that a model reads."""

    model: str
    location: str
    start: int
    end: int | None

    @property
    def path(self) -> str:
        """Where the other file is, as it is shown."""
        folder = os.path.dirname(self.model)
        return os.path.normpath(os.path.join(folder, printable(self.location, 1 << 13)))


def settle_siblings(
    files: list[ScannedFile],
    references: Sequence[Reference],
    linked: Set[str],
    scan_beside: Callable[[Iterator[Artefact]], ScannedFile],
) -> list[ScannedFile]:
    """Return the files with those that models name examined too, and the models judged by them."""
    if not references:
        return files
    known = {os.path.normpath(file.path): file for file in files}
    for reference in references:
        if reference.path not in known:
            found = beside(os.path.dirname(reference.model), reference.location)
            known[reference.path] = scan_beside(found)
    ranges: defaultdict[str, list[Reference]] = defaultdict(list)
    for reference in references:
        ranges[reference.path].append(reference)
    for path, read in ranges.items():
        known[path] = _as_values(known[path], read)
    troubles: defaultdict[str, list[Observed]] = defaultdict(list)
    for path, read in ranges.items():
        trouble = _trouble(known[path], read, is_linked=known[path].path in linked)
        for model in dict.fromkeys(reference.model for reference in read):
            if trouble:
                troubles[model].append(_observed(known[os.path.normpath(model)], path, trouble))
    for model in dict.fromkeys(reference.model for reference in references):
        place = os.path.normpath(model)
        known[place] = _settled(known[place], troubles[model])
    places = [os.path.normpath(file.path) for file in files]
    added = known.keys() - set(places)
    return [*(known[place] for place in places), *(known[place] for place in sorted(added))]


def _as_values(file: ScannedFile, read: Sequence[Reference]) -> ScannedFile:
    """Take a file of unknown content for plain numbers when models account for all of it."""
    if file.size is None or file.digest is None or {one.rule for one in file.observations} != {UNIDENTIFIED}:
        return file
    size = file.size
    used = merged((reference.start, size if reference.end is None else reference.end) for reference in read)
    ends = [0, *(end for _, end in used)]
    starts = [*(start for start, _ in used), size]
    if any(start - end > LARGEST_GAP for end, start in zip(ends, starts, strict=True)) or ends[-1] > size:
        return file
    models = ", ".join(dict.fromkeys(reference.model for reference in read))
    whole = Location((os.path.basename(file.path),), 0, size)
    note = f"values of tensors of {models}, which accounts for all of it"
    return replace(file, format="raw", verdict="pass", observations=(), examined=(whole,), notes=(*file.notes, note))


def _trouble(file: ScannedFile, read: Sequence[Reference], *, is_linked: bool) -> str:
    if file.format == "link" or file.size is None:
        return file.notes[0] if file.notes else file.observations[0].message
    if is_linked:
        return "the file has a second name, which may lie outside the folder"
    if any((reference.start if reference.end is None else reference.end) > file.size for reference in read):
        return f"the file ends at {file.size} bytes, before the values that are named"
    if file.verdict != "pass":
        return "the file did not pass the scan itself"
    return ""


def _observed(model: ScannedFile, path: str, trouble: str) -> Observed:
    place = Location((os.path.basename(model.path),), 0, model.size or 0)
    return Observed("not_examined", EXTERNAL, place, f"values of a tensor lie in another file: {trouble}", path)


def _settled(model: ScannedFile, troubles: Sequence[Observed]) -> ScannedFile:
    """Replace what the reader could not know by what is known now."""
    kept = (*(one for one in model.observations if one.rule != EXTERNAL), *troubles)
    kinds = {one.kind for one in kept}
    verdict: ScanVerdict = "fail" if kinds & FAILING else "not_examined" if kinds else "pass"
    return replace(model, observations=kept, verdict=verdict)
