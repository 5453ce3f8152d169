import pytest

from holdfast.adapters.text.presidio import presidio_recogniser
from holdfast.core.errors import InputError


def test_recognisers_of_presidio_are_called_and_their_names_translated():
    presidio = pytest.importorskip("presidio_analyzer", reason="Presidio is not installed: pip install presidio-analyzer")
    ticket = presidio.PatternRecognizer("TICKET", patterns=[presidio.Pattern("ticket", r"\bT-\d{5}\b", 0.7)])
    domain = presidio.PatternRecognizer("DOMAIN_NAME", deny_list=["intra.example"])
    spans = presidio_recogniser([ticket, domain])(["see T-12345 on intra.example", ""])
    assert [[span[:3] for span in sorted(each)] for each in spans] == [[(4, 11, "TICKET"), (15, 28, "URL")], []]
    assert presidio_recogniser(ticket)(["T-12345"])[0][0].score == pytest.approx(0.7)


def test_an_object_of_another_kind_is_refused():
    with pytest.raises(InputError, match="expected an AnalyzerEngine"):
        presidio_recogniser("en_core_web_lg")
