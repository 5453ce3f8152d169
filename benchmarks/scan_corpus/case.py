"""One labelled file of the corpus, and the payload that every malicious one carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MARKER = "proof"
"""What a payload leaves in the working folder of the process that loads the file. Nothing else is ever done."""
COMMAND = f"touch {MARKER}"
SOURCE = f"open({MARKER!r}, 'w').close()"
EXPRESSION = f"open({MARKER!r}, 'w')"

MODULE = "payload_module"
BESIDE: Mapping[str, bytes] = {f"{MODULE}.py": SOURCE.encode() + b"\n", "payload.txt": f">>> {SOURCE}\n".encode()}
"""Files that come along with a model whose payload lies in a second file."""


@dataclass(frozen=True)
class Case:
    """A file of the corpus.

    Attributes
    ----------
    name
        File name; its first part is the family.
    content
        The bytes.
    is_malicious
        The label.
    loader
        How a user would load it, a key of ``prove.LOADERS``; empty where loading it runs nothing and only misleads or
        exhausts the reader.
    beside
        Files that must lie beside it for the payload to work.
    packages
        What the loading process must be able to import.
    """

    name: str
    content: bytes
    is_malicious: bool
    loader: str = ""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    packages: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The part of the name before the first underscore."""
        return self.name.partition("_")[0]
