import sys

import pytest

from holdfast.adapters.text.spacy import spacy_recogniser
from holdfast.core.errors import InputError, MissingExtra


def test_without_spacy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtra, match="spaCy") as raised:
        spacy_recogniser("any")
    assert "holdfast[ner]" in str(raised.value.hint)


def test_a_pipeline_from_a_folder_finds_its_entities(tmp_path):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: pip install 'holdfast[ner]'")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns(
        [{"label": "GPE", "pattern": "Qaarsut"}, {"label": "PERSON", "pattern": "Zed"}, {"label": "PRODUCT", "pattern": "X1"}]
    )
    pipeline.to_disk(tmp_path / "pipeline")
    spans = spacy_recogniser(tmp_path / "pipeline")(["👋 Zed left Qaarsut with X1", ""])
    assert [[span[:3] for span in each] for each in spans] == [[(2, 5, "PERSON"), (11, 18, "LOCATION")], []]


def test_a_pipeline_that_finds_no_entities_is_refused(tmp_path):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: pip install 'holdfast[ner]'")
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(InputError, match="finds no entities"):
        spacy_recogniser(tmp_path / "blank")
    with pytest.raises(InputError, match="expected the folder"):
        spacy_recogniser(tmp_path / "nothing")
