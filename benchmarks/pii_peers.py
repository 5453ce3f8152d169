"""Presidio, scrubadub or DataFog, in an interpreter of their own: ``python pii_peers.py presidio|scrubadub|datafog``.

Needs presidio-analyzer 2.2.366 with spaCy (a blank English pipeline, no model is fetched), scrubadub 2.0.1 or DataFog
4.9.0. Reads a path on each line of stdin: a JSON list of texts. Writes the spans of each beside it and answers with the
CPU seconds of the search and the memory it added.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

Spans = list[tuple[int, int, str]]

LABELS = {
    # scrubadub
    "credit_card": "CREDIT_CARD", "phone": "PHONE_NUMBER", "url": "URL", "email": "EMAIL_ADDRESS",
    "social_security_number": "US_SSN", "date_of_birth": "DATE_TIME",
    # DataFog
    "EMAIL": "EMAIL_ADDRESS", "PHONE": "PHONE_NUMBER", "SSN": "US_SSN", "IP_ADDRESS": "IP_ADDRESS",
    "CREDIT_CARD": "CREDIT_CARD", "DOB": "DATE_TIME", "DATE": "DATE_TIME", "IBAN": "IBAN_CODE", "URL": "URL",
}  # fmt: skip


def presidio() -> Callable[[str], Spans]:
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None:
            pass

    analyzer = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
    return lambda text: [
        (found.start, found.end, found.entity_type)
        for found in analyzer.analyze(text=text, language="en", score_threshold=0.4)
    ]


def scrubadub() -> Callable[[str], Spans]:
    import scrubadub as package

    scrubber = package.Scrubber()
    return lambda text: [
        (filth.beg, filth.end, LABELS.get(filth.type, filth.type)) for filth in scrubber.iter_filth(text)
    ]


def datafog() -> Callable[[str], Spans]:
    from datafog.processing.text_processing.regex_annotator import RegexAnnotator

    annotator = RegexAnnotator()

    def find(text: str) -> Spans:
        spans: Spans = []
        for label, values in annotator.annotate(text).items():
            for value in values:
                if value:
                    spans += [
                        (match.start(), match.end(), LABELS.get(label, label))
                        for match in re.finditer(re.escape(value), text)
                    ]
        return sorted(set(spans))

    return find


def main() -> None:
    warnings.filterwarnings("ignore")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    find = {"presidio": presidio, "scrubadub": scrubadub, "datafog": datafog}[sys.argv[1]]()
    find("Call anna@example.com")
    for line in sys.stdin:
        path = Path(line.strip())
        texts = json.loads(path.read_text(encoding="utf-8"))
        begin = time.process_time()
        spans = [find(text) for text in texts]
        seconds = time.process_time() - begin
        path.with_suffix(".spans.json").write_text(json.dumps(spans), encoding="utf-8")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"seconds": seconds, "added_mb": (peak - before) / 1024}), flush=True)


if __name__ == "__main__":
    main()
