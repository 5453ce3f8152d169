"""What a model's process may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on the process that holds a model.

    Attributes
    ----------
    memory_mb
        Memory it may allocate, in MiB.
    load_timeout_s
        Seconds from its start until the model is loaded.
    call_timeout_s
        Seconds for one batch of rows, or for training one copy.
    batch_rows
        Rows sent at a time.
    threads
        Threads of its numerical libraries; 0 means as many as this process may use.
    """

    memory_mb: int = 4096
    load_timeout_s: float = 120.0
    call_timeout_s: float = 600.0
    batch_rows: int = 65_536
    threads: int = 0
