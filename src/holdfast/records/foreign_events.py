"""Runs of other tools, from their OpenLineage events.

References
----------
OpenLineage (2024), object model and facets, version 2-0-2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.core.errors import InputError

LARGEST = 1 << 28
MOST_EVENTS = 100_000
ENDS = ("COMPLETE", "FAIL", "ABORT")
DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
VERSION_FACETS = ("version", "datasetVersion", "holdfast_digest")


@dataclass(frozen=True, slots=True)
class ForeignData:
    """A data set as another tool names it; ``digest`` where its version is one."""

    namespace: str
    name: str
    digest: str | None


@dataclass(slots=True, kw_only=True)
class ForeignRun:
    """A run of a job of another tool, put together from its events.

    Attributes
    ----------
    state
        Its last event: ``START``, ``RUNNING``, ``COMPLETE``, ``FAIL``, ``ABORT`` or ``OTHER``.
    """

    run: str
    job: str
    producer: str
    state: str
    time: str
    inputs: dict[tuple[str, str], ForeignData] = field(default_factory=dict)
    outputs: dict[tuple[str, str], ForeignData] = field(default_factory=dict)


def read_events(path: Path) -> tuple[ForeignRun, ...]:
    """Read a file of events: one JSON object on each line, one object, or an array.

    Raises
    ------
    InputError
        When it cannot be read, or one of its events is none; events of jobs and data sets without a run are left out.
    """
    runs: dict[str, ForeignRun] = {}
    for number, event in enumerate(_events(path), start=1):
        if number > MOST_EVENTS:
            raise InputError(f"expected at most {MOST_EVENTS:,} events in {path}", hint="name a part of them")
        if not isinstance(event, dict):
            raise InputError(f"expected an object as event {number} of {path}, got {type(event).__name__}")
        if "run" in event:
            _enter(event, runs, where=f"event {number} of {path}")
    return tuple(runs.values())


def _events(path: Path) -> Iterator[Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"expected at most {LARGEST:,} bytes of events, {path} is longer")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"cannot read the events {path}: {reason}", hint="check the path") from None
    try:
        whole = json.loads(text)
    except RecursionError:
        raise InputError(f"{path} is nested too deep to be events") from None
    except ValueError:
        yield from _lines(text, path)
        return
    yield from whole if isinstance(whole, list) else [whole]


def _lines(text: str, path: Path) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(
                    f"line {number} of {path} is no event: {error}", hint="one JSON object on each line, or an array"
                ) from None


def _enter(event: dict[str, Any], runs: dict[str, ForeignRun], *, where: str) -> None:
    try:
        identity, job = str(event["run"]["runId"]), f"{event['job']['namespace']}/{event['job']['name']}"
        time, state = str(event["eventTime"]), str(event.get("eventType", "OTHER"))
        inputs, outputs = ([_data(one) for one in event.get(side) or []] for side in ("inputs", "outputs"))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where} is no OpenLineage run event: {error} is missing or of another type",
            hint="a run event has eventTime, run.runId, job.namespace and job.name",
        ) from None
    run = runs.setdefault(
        identity,
        ForeignRun(run=identity, job=job, producer=str(event.get("producer", "")), state=state, time=time),
    )
    if run.state not in ENDS:
        run.state = state
    run.inputs |= {(one.namespace, one.name): one for one in inputs}
    run.outputs |= {(one.namespace, one.name): one for one in outputs}


def _data(value: dict[str, Any]) -> ForeignData:
    facets = value.get("facets") or {}
    digest = None
    for name in VERSION_FACETS:
        facet = facets.get(name) or {}
        match = DIGEST.fullmatch(str(facet.get("datasetVersion") or facet.get("digest") or ""))
        digest = digest or (match and f"sha256:{match[1]}")
    return ForeignData(str(value["namespace"]), str(value["name"]), digest)
