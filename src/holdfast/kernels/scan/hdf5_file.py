"""Walk an HDF5 file: links and data that lie in other files, filters that are plugins, and values that are code.

Numbers are inert and are not read. Texts and values of variable length are walked where they look like a configuration,
which Keras builds from, or like a pickle, which PyTables and pandas load.
"""

from __future__ import annotations

from holdfast.kernels.formats.hdf5 import SIGNATURE, Attribute, Hdf5, Hdf5Error, Reaching
from holdfast.kernels.scan.identify import identify
from holdfast.kernels.scan.keras_traces import report_keras_code
from holdfast.kernels.scan.observation import Budget, Kind, Place, Walked
from holdfast.kernels.scan.record import Record
from holdfast.kernels.scan.secrets_found import report_secrets

MESSAGES: dict[str, tuple[Kind, str]] = {
    "external-link": ("suspicious", "a link leads into another file, which is opened along"),
    "external-data": ("suspicious", "the data of a table lie in other files, whose paths the file chose"),
    "virtual": ("suspicious", "a virtual table takes its data from other files"),
    "filter": ("not_examined", "a filter is a plugin, which the library would load from a folder"),
    "dense": ("not_examined", "a group keeps its links or attributes in a form that is not read"),
    "driver": ("not_examined", "the file is one part of several"),
    "shared": ("not_examined", "a header message is shared, which is not followed"),
}
PIECE = 1 << 20


def walk_hdf5(data: memoryview, place: Place, budget: Budget) -> Walked:
    """Walk an HDF5 file."""
    record = Record(place)
    report_keras_code(record, data)
    base = 0
    while bytes(data[base : base + 8]) != SIGNATURE and base < len(data):
        base = base * 2 or 512
    record.cover(base, len(data))
    try:
        file = Hdf5(data, base)
        for item in file.objects(max(0, budget.members)):
            if budget.expired():
                record.add("not_examined", "limit.time", "the time was up")
                break
            _judge(record, data, item)
        for start, end in file.heap_objects():
            budget.members -= 1
            if budget.members < 0 or budget.expired():
                record.add("not_examined", "limit.members", "further values were not looked at", start=start)
                break
            look_at(record, data, start, end)
    except Hdf5Error as error:
        record.add("not_examined", "hdf5.structure", f"the file was not read to its end: {error}")
    return record.walked("hdf5")


def _judge(record: Record, data: memoryview, item: Attribute | Reaching) -> None:
    if isinstance(item, Attribute):
        look_at(record, data, item.start, item.end)
        return
    kind, message = MESSAGES[item.kind]
    record.add(kind, f"hdf5.{item.kind}", message, detail=item.detail, start=item.start)


def look_at(record: Record, data: memoryview, start: int, end: int) -> None:
    """Hand on a value that is a configuration, a pickle or a program; numbers and plain texts need no second look."""
    value = _without_padding(data[start:end])
    if len(value) < 3:
        return
    formats = set(identify(value)) - {"text", "yaml", "zlib", "lzma", "tensorflow-graph", "onnx", "safetensors", "ubj"}
    if formats:
        record.part(value, start)
    else:
        report_secrets(record, value, start)


def _without_padding(value: memoryview) -> memoryview:
    """Return a value without the zeros at its end."""
    while len(value):
        before = max(0, len(value) - PIECE)
        kept = len(bytes(value[before:]).rstrip(b"\0"))
        value = value[: before + kept]
        if kept:
            break
    return value
