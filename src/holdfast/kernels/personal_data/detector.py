"""The detector of personal data that every surface uses: the rules, and other recognisers beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from holdfast.kernels.personal_data import (
    national_africa_middle_east,
    national_asia,
    national_eastern_europe,
    national_latin_america,
    national_north_america,
    national_northern_europe,
    national_oceania,
    national_southern_europe,
    national_western_europe,
    rules_contact,
    rules_dates,
    rules_documents,
    rules_network,
    rules_payment,
    rules_secrets,
    rules_wallets,
)
from holdfast.kernels.personal_data.detecting import Finder, in_batches
from holdfast.kernels.personal_data.names import find_names
from holdfast.kernels.personal_data.native_words import native_recogniser
from holdfast.kernels.personal_data.overlap import resolve_overlaps
from holdfast.kernels.personal_data.rule import THRESHOLD, Rule, Span

_TABLES = (
    rules_contact,
    rules_payment,
    rules_network,
    rules_dates,
    rules_documents,
    rules_secrets,
    rules_wallets,
    national_north_america,
    national_western_europe,
    national_southern_europe,
    national_northern_europe,
    national_eastern_europe,
    national_latin_america,
    national_asia,
    national_oceania,
    national_africa_middle_east,
)

# What finds spans by other means than rules: a lexicon of names, a dictionary of known people, a model for entities.
# Takes a batch of texts, gives the spans of each; offsets are code points.
Recogniser = Callable[[Sequence[str]], list[list[Span]]]


@dataclass(frozen=True)
class Detector:
    """Rules and recognisers, and the score from which a span counts."""

    rules: tuple[Rule, ...]
    recognisers: tuple[Recogniser, ...] = ()
    threshold: float = THRESHOLD
    labels: frozenset[str] | None = None  # None: all

    @cached_property
    def _finder(self) -> Finder:
        return Finder(self.rules, threshold=self.threshold)

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Find personal data in each text: spans in order of their start, without overlaps."""
        found = self._finder.find(texts)
        for recogniser in self.recognisers:
            for spans, more in zip(found, in_batches(recogniser, texts), strict=True):
                spans.extend(span for span in more if span.score >= self.threshold)
        if self.recognisers:
            found = [resolve_overlaps(spans) for spans in found]
        if self.labels is None:
            return found
        return [[span for span in spans if span.label in self.labels] for spans in found]


def rule_tables() -> Iterable[tuple[Rule, ...]]:
    """The tables of rules, in the order of the documentation."""
    return tuple(table.RULES for table in _TABLES)


def default_detector(
    *,
    labels: Iterable[str] | None = None,
    countries: Iterable[str] | None = None,
    names: bool = True,
    recognisers: Sequence[Recogniser] = (),
    threshold: float = THRESHOLD,
) -> Detector:
    """Build the detector with all rules, or those of some labels and countries.

    Parameters
    ----------
    labels:
        Report these only; None: all. Rules of other labels still take part in the resolution of overlaps.
    countries:
        ISO 3166 codes whose national rules to use; None: all. Rules that belong to no country always apply.
    names:
        Look for names, places, organisations and special categories too, by lexicons and the words around them.
    recognisers:
        Further sources of spans.
    threshold:
        Lowest score that is reported.
    """
    wanted = None if countries is None else {country.upper() for country in countries}
    rules = tuple(
        rule
        for table in rule_tables()
        for rule in table
        if wanted is None or not rule.countries or wanted & set(rule.countries)
    )
    own: tuple[Recogniser, ...] = (native_recogniser, find_names) if names else (native_recogniser,)
    return Detector(rules, (*own, *recognisers), threshold, None if labels is None else frozenset(labels))
