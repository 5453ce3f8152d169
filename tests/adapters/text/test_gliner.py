import sys

import pytest

from holdfast.adapters.text.gliner import gliner_recogniser, pieces
from holdfast.core.errors import InputError, MissingExtra


def test_without_gliner_the_extra_is_named(monkeypatch, tmp_path):
    (tmp_path / "gliner_config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "gliner", None)
    with pytest.raises(MissingExtra, match="GLiNER"):
        gliner_recogniser(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a folder with gliner_config.json"):
        gliner_recogniser(tmp_path)


@pytest.mark.parametrize("text", ["", "short", "word " * 900, "x" * 3000])
def test_pieces_join_to_the_text_and_are_short(text):
    cut = pieces(text)
    assert "".join(piece for _, piece in cut) == text
    assert all(text[start : start + len(piece)] == piece and len(piece) <= 1200 for start, piece in cut)
