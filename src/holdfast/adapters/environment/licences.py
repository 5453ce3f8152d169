"""The licence of a distribution, as an SPDX identifier or expression where its metadata says so clearly."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata

LONGEST_NAME = 80
CLASSIFIERS = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
"""Trove classifiers that stand for one licence; ``BSD License`` does not say how many clauses, so it is not here."""

IDENTIFIERS = {
    *CLASSIFIERS.values(), "0BSD", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "HPND", "LGPL-2.1-only",
    "LGPL-2.1-or-later", "MulanPSL-2.0", "NCSA", "OFL-1.1", "PSF-2.0", "Python-2.0", "Zlib", "ZPL-2.1",
}  # fmt: skip
WORDS = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license v2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "2-clause bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "the mit license": "MIT",
}
"""What authors write for a licence that is no identifier and can mean one only."""

_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_BY_CASE = {name.casefold(): name for name in IDENTIFIERS}


def licence_of(metadata: PackageMetadata) -> tuple[str, ...]:
    """Return what a distribution says of its licence.

    Returns
    -------
    tuple of str
        One SPDX identifier or expression where the metadata states it (PEP 639), or uses words or classifiers that mean
        one licence; else the words themselves, or the classifiers; empty where it says nothing.
    """
    stated = _field(metadata, "License-Expression")
    if stated.strip():
        return (stated.strip(),)
    written = " ".join(_field(metadata, "License").split())
    found = _BY_CASE.get(written.casefold()) or WORDS.get(written.casefold())
    if found:
        return (found,)
    if len(written) <= LONGEST_NAME and (" AND " in written or " OR " in written) and _EXPRESSION.fullmatch(written):
        return (written,)
    classifiers = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or () if line.startswith("License ::")
    ]
    named = [name for name in classifiers if name != "OSI Approved"]
    if len(named) == 1 and named[0] in CLASSIFIERS:
        return (CLASSIFIERS[named[0]],)
    if written and len(written) <= LONGEST_NAME and written.upper() != "UNKNOWN":
        return (written,)
    return tuple(named)


def _field(metadata: PackageMetadata, name: str) -> str:
    return str((metadata.get_all(name) or [""])[0])
