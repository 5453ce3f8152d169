"""Decompress within the budget of a scan, and say in a record what stopped it."""

from __future__ import annotations

from holdfast.kernels.formats.expanded import Expanded
from holdfast.kernels.formats.expansion import Codec, expand
from holdfast.kernels.scan.observation import Budget
from holdfast.kernels.scan.record import Record

BOMB_BYTES = 64 << 20
BOMB_RATIO = 100


class Unpacking:
    """Decompression of the streams of one container, which share one measure of what is too much.

    More than 64 MiB at more than a hundred times the compressed size is a decompression bomb: ordinary weights and
    tables shrink by less.
    """

    def __init__(self, record: Record, budget: Budget) -> None:
        self.record = record
        self.budget = budget
        self.consumed = 0
        self.produced = 0

    def expand(self, data: memoryview, codec: Codec, *, start: int) -> Expanded:
        """Decompress a stream that begins at ``start`` of the record's range; observations are made here."""
        result = expand(data, codec, limit=max(0, self.budget.expanded_bytes), stop=self._too_much)
        end = start + result.consumed
        ratio = (self.produced + len(result.data)) / max(1, self.consumed + result.consumed)
        if result.ending == "limit" and ratio > BOMB_RATIO and not self.budget.expired():
            self.budget.expanded_bytes = 0
            self.record.add(
                "suspicious",
                "expansion.bomb",
                f"{self.consumed + result.consumed} compressed bytes give more than "
                f"{self.produced + len(result.data)}; nothing more of this file is decompressed",
                start=start,
                end=end,
            )
            self.record.add("not_examined", "limit.expanded", "the rest was not decompressed", start=end)
        elif result.ending == "limit":
            self.record.add(
                "not_examined", "limit.expanded", f"decompression stopped: {result.error}", start=start, end=end
            )
        elif result.ending != "complete":
            self.record.add("malformed", f"{codec}.{result.ending}", f"{result.error}", start=start, end=end)
        self.consumed += result.consumed
        self.produced += len(result.data)
        self.budget.expanded_bytes = max(0, self.budget.expanded_bytes - len(result.data))
        return result

    def _too_much(self, consumed: int, produced: int) -> bool:
        consumed, produced = self.consumed + consumed, self.produced + produced
        return self.budget.expired() or (produced > BOMB_BYTES and produced > BOMB_RATIO * consumed)
