"""The process a model runs in: ``python -m holdfast.adapters.models.child``.

It takes its input and output for the protocol, so that whatever a model prints goes to the error stream; confines
itself before anything but the standard library is imported and before a byte of the model is seen; then answers
requests until its input ends.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from holdfast.adapters.models import wire
from holdfast.adapters.models.attempts import Watch
from holdfast.adapters.models.confinement import SYSTEM_READABLE, confine

if TYPE_CHECKING:
    from holdfast.adapters.models.adapter import Adapter, NetworkAdapter, StoringAdapter, TreesAdapter
    from holdfast.core.subject import RawPredictions

LARGEST_REQUEST = 1 << 40
LONGEST_MESSAGE = 2000
Reply = tuple[dict[str, Any], list[bytes]]


def main() -> None:
    """Confine this process and serve the parent."""
    source, sink = _private_streams()
    start, _ = wire.receive(source, largest=0)
    scratch, read = start["scratch"], start["read"]
    # said before a byte of the model arrives, so that its code cannot forge it
    outcome = confine(scratch=scratch, read=read, memory_mb=start["memory_mb"], parent=start["parent"])
    wire.send(sink, {"ok": True, "confinement": outcome})
    service = Service(Watch([scratch, *read, *SYSTEM_READABLE]))
    while True:
        try:
            header, parts = wire.receive(source, largest=LARGEST_REQUEST)
        except EOFError:
            break
        reply, arrays = service.respond(header, parts)
        wire.send(sink, reply, *arrays)
    # a model's own exit hooks and threads must not keep the process
    os._exit(0)


class Service:
    """The loaded model and its trained copies, by number; the model itself is number 0."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._held: dict[int, Adapter] = {}
        self._last = 0

    def respond(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        """Carry out one request; whatever the model raises becomes a reply."""
        from holdfast.core.errors import HoldfastError

        try:
            return getattr(self, f"_{header['do']}")(header, parts)  # type: ignore[no-any-return]
        except HoldfastError as error:
            return _failure(type(error).__name__, error.message, error.hint), []
        except MemoryError:
            hint = "ask about fewer rows at a time, or allow the model more memory"
            return _failure("ModelError", "the model ran out of the memory it may use", hint), []
        except BaseException as error:  # the model's code may raise anything; the process must go on answering
            where = _last_line_of(error)
            message = f"the model failed with {type(error).__name__}: {_short(str(error))}{where}"
            return _failure("ModelError", message, ""), []

    def _load(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        import polars  # noqa: F401  (needed by the first request; loading means being ready for it)

        self._watch.begin()
        self._held[0] = _adapter(header, *parts)
        tried = self._watch.end()
        return {"ok": True, "info": _described(self._held[0], tried)}, []

    def _predict(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        answer = self._held[header["model"]].answer(_frame(parts[0]))
        return _answer_reply(answer)

    def _refit(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        rows, outcomes = _frame(parts[0]), wire.decode_array(parts[1])
        copy = self._held[header["model"]].refit(rows, outcomes, seed=header["seed"], settings=header["settings"])
        self._last += 1
        self._held[self._last] = copy
        return {"ok": True, "model": self._last, "info": _described(copy, ())}, []

    def _trees(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        from holdfast.adapters.models import tree_arrays

        return tree_arrays.to_message(self._with_trees(header).trees())

    def _features(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        return {"ok": True}, [wire.encode_array(self._with_trees(header).features(_frame(parts[0])))]

    def _network(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        from holdfast.adapters.models import network_arrays

        adapter = cast("NetworkAdapter", self._held[header["model"]])
        return network_arrays.to_message(adapter.network())

    def _stored(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        from holdfast.adapters.models import stored_arrays

        adapter = cast("StoringAdapter", self._held[header["model"]])
        return stored_arrays.to_message(adapter.stored(_frame(parts[0]) if parts else None))

    def _with_trees(self, header: dict[str, Any]) -> TreesAdapter:
        return cast("TreesAdapter", self._held[header["model"]])

    def _drop(self, header: dict[str, Any], parts: list[bytes]) -> Reply:
        self._held.pop(header["model"], None)
        return {"ok": True}, []


def _described(adapter: Adapter, tried: tuple[str, ...]) -> dict[str, Any]:
    from holdfast.core.canonical import to_plain

    described: dict[str, Any] = to_plain(adapter.info)
    return described | {"memory_mb": _resident_mb(), "notes": [*adapter.info.notes, *tried]}


def _adapter(header: dict[str, Any], data: bytes, factory_source: bytes = b"") -> Adapter:
    kind = header["format"]
    if kind == "onnx":
        from holdfast.adapters.models import onnx

        return onnx.load(data, row_shape=tuple(header["row_shape"]))
    if kind in ("safetensors", "torch program", "torch weights"):
        return _torch_adapter(header, data, factory_source)
    if kind == "lightgbm":
        from holdfast.adapters.models import lightgbm

        return lightgbm.load(data)
    if kind == "xgboost":
        from holdfast.adapters.models import xgboost

        return xgboost.load(data)
    if kind in ("skops", "trusted skops"):
        from holdfast.adapters.models import skops

        return skops.load(data, trusted=kind == "trusted skops")
    from holdfast.adapters.models import sklearn
    from holdfast.adapters.models.recognition import adapter_for

    loaded, notes = sklearn.unpickle(data)
    return adapter_for(loaded, notes=notes)


def _torch_adapter(header: dict[str, Any], data: bytes, factory_source: bytes) -> Adapter:
    from holdfast.adapters.models import torch
    from holdfast.core.network import NetworkSettings
    from holdfast.core.parse import from_mapping

    settings = from_mapping(NetworkSettings, header["network"], source="network")
    if header["format"] == "torch program":
        return torch.load_program(data, settings)
    shape = tuple(header["row_shape"])
    return torch.load_weights(data, settings, factory_source=factory_source, row_shape=shape)


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for the protocol, and leave the model an empty input and the error stream."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.stdin = io.StringIO()
    return os.fdopen(source, "rb"), os.fdopen(sink, "wb")


def _frame(data: bytes) -> Any:
    import polars as pl

    return pl.read_ipc(io.BytesIO(data))


def _answer_reply(answer: RawPredictions) -> Reply:
    parts = {"labels": answer.labels, "scores": answer.scores}
    present = {name: array for name, array in parts.items() if array is not None}
    return {"ok": True, "arrays": list(present)}, [wire.encode_array(array) for array in present.values()]


def _failure(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"ok": False, "kind": kind, "message": _short(message), "hint": _short(hint)}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " …"


def _last_line_of(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return (
        f" (in {frames[-1].name}, {os.path.basename(frames[-1].filename)} line {frames[-1].lineno})" if frames else ""
    )


def _resident_mb() -> float | None:
    try:
        with open(f"/proc/{os.getpid()}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    main()
