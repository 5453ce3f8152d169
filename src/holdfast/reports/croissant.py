"""A data set's description in Croissant, for machines: its file, its columns, and what responsible use needs to know.

References
----------
MLCommons (2024), Croissant format specification, version 1.0. MLCommons (2024), Croissant RAI vocabulary, version 1.0.
"""

from __future__ import annotations

import json
import re
from typing import Any

from holdfast.core.datasheet import TO_BE_FILLED, ColumnFacts, ColumnKind, Datasheet
from holdfast.core.provenance import DataRecord, DataStatement
from holdfast.reports.data_findings import said_of
from holdfast.reports.text import printable

CONFORMS_TO = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
DATA_TYPES: dict[ColumnKind, str] = {
    "whole number": "sc:Integer",
    "number": "sc:Float",
    "text": "sc:Text",
    "truth value": "sc:Boolean",
    "date": "sc:Date",
    "time": "sc:DateTime",
    "empty": "sc:Text",
}
CR_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in CR_TERMS},
}
HUMAN = {
    "rai:dataCollection": "how, where and by whom the rows were collected.",
    "rai:dataCollectionRawData": "what the rows were made from, and where that is.",
    "rai:dataPreprocessingProtocol": "what was done to the rows before they stood in this file.",
    "rai:dataImputationProtocol": "whether missing values were filled, and how.",
    "rai:dataUseCases": "what the data may be used for, and what for not.",
    "rai:dataSocialImpact": "who could be harmed by its use, and how that is prevented.",
    "rai:dataReleaseMaintenancePlan": "who keeps it up to date, and until when.",
    "rai:annotatorDemographics": "who entered the outcomes.",
    "rai:dataAnnotationProtocol": "how the outcomes came about.",
}
FOLDER = "table"


def render_croissant(sheet: Datasheet, record: DataRecord | None = None) -> str:
    """Write the JSON-LD: file, columns and measured statements; what only a person knows says so.

    Parameters
    ----------
    record
        Of the same data set, where it is registered: what was stated there takes its place.
    """
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": _identifier(sheet.name),
        "description": f"{sheet.rows:,} rows and {len(sheet.columns)} columns. {TO_BE_FILLED}what the data are about.",
        "license": f"{TO_BE_FILLED}the licence, as a URL of spdx.org/licenses where there is one.",
        "creator": {"@type": "Organization", "name": f"{TO_BE_FILLED}who made the data."},
        "citeAs": f"{TO_BE_FILLED}how to cite the data, in BibTeX where there is a paper.",
        "keywords": ["tabular", *([sheet.task] if sheet.task else [])],
        "distribution": [_file(sheet)],
        "recordSet": [_records(sheet)],
        **_statements(sheet),
        **{key: TO_BE_FILLED + what for key, what in HUMAN.items()},
        **(_stated(record) if record else {}),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _stated(record: DataRecord) -> dict[str, Any]:
    """What was stated when the data set was registered, under the terms of Croissant."""
    said: DataStatement = record.statement
    address = said.licence.startswith(("http://", "https://"))
    terms = {
        "license": said.licence if address or not said.licence else f"https://spdx.org/licenses/{said.licence}",
        "url": said.origin if said.origin.startswith(("http://", "https://")) else "",
        "rai:dataCollectionRawData": said.origin,
        "rai:dataCollection": said.collection,
        "rai:dataCollectionTimeframe": [day for day in (said.collected_from, said.collected_to) if day],
        "rai:dataPreprocessingProtocol": list(said.transformations),
        "rai:dataReleaseMaintenancePlan": f"Kept until: {said.retention}" if said.retention else "",
        "isBasedOn": [f"{one.name} ({one.digest})" for one in record.made_from],
        "rai:personalSensitiveInformation": [f"Lawful basis: {said.lawful_basis}"] if said.lawful_basis else [],
    }
    return {name: printable(value) if isinstance(value, str) else value for name, value in terms.items() if value}


def _file(sheet: Datasheet) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": FOLDER,
        "name": FOLDER,
        "description": f"The table; content digest {sheet.digest}.",
        "contentUrl": printable(sheet.file),
        "contentSize": f"{sheet.n_bytes} B",
        "encodingFormat": "application/x-parquet" if "parquet" in sheet.media_type else sheet.media_type,
        "sha256": sheet.sha256,
    }


def _records(sheet: Datasheet) -> dict[str, Any]:
    taken: set[str] = set()
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": f"One record for each of the {sheet.rows:,} rows.",
        "field": [_field(column, _fresh(column.name, taken)) for column in sheet.columns],
    }


def _field(column: ColumnFacts, name: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": name,
        "description": _described(column),
        "dataType": DATA_TYPES[column.kind],
        "source": {"fileObject": {"@id": FOLDER}, "extract": {"column": column.name}},
    }


def _described(column: ColumnFacts) -> str:
    parts = [printable(column.name), f"{column.distinct:,} different values", f"{column.missing:,} missing"]
    if column.quantiles:
        low, middle, high = (f"{number:.10g}" for number in column.quantiles)
        parts.append(f"9 in 10 from {low} to {high}, median {middle}")
    if column.frequent:
        parts.append("most often " + ", ".join(printable(value) for value, _ in column.frequent[:5]))
    return "; ".join([*parts, *column.roles]) + "."


def _statements(sheet: Datasheet) -> dict[str, Any]:
    """What was measured, under the terms of the responsible-AI vocabulary."""
    missing = sum(column.missing for column in sheet.columns)
    cells = sheet.rows * len(sheet.columns)
    absent = [f"{missing:,} of {cells:,} cells are missing.", *said_of(sheet, "data.missingness")]
    limits = [*said_of(sheet, "data.duplicates"), *said_of(sheet, "data.schema")]
    found: dict[str, Any] = {
        "rai:dataCollectionMissingData": " ".join(absent),
        "rai:dataLimitations": [*limits, f"{TO_BE_FILLED}what else the data cannot be used for."],
        "rai:dataBiases": [
            *said_of(sheet, "data.representativeness"),
            f"{TO_BE_FILLED}whom the data should stand for, and whom they leave out.",
        ],
        "rai:personalSensitiveInformation": [
            *(f"{name}: a protected attribute, going by its name." for name in sheet.with_role("sensitive")),
            *(f"{name}: names single rows." for name in sheet.with_role("id")),
            f"{TO_BE_FILLED}whether the rows are people, and on what basis their data are used.",
        ],
    }
    labels = said_of(sheet, "data.labels")
    return {**found, "rai:dataAnnotationAnalysis": labels} if labels else found


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_") or "unnamed"


def _fresh(name: str, taken: set[str]) -> str:
    """Return a name that can stand in an identifier and is not yet taken."""
    base, number = _identifier(name), 2
    fresh = base
    while fresh in taken:
        fresh, number = f"{base}_{number}", number + 1
    taken.add(fresh)
    return fresh
