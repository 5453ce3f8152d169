"""Context words in scripts whose letters all fold alike: Han, Kana, Hangul, Thai, Devanagari, Hebrew, Arabic.

A rule's context is folded words, which cannot tell words of these scripts apart. So they are looked for in the text as
it came, and where one stands near an identifier of its label, the identifier is found as with any other context.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.kernels.personal_data import national_africa_middle_east, national_asia, rules_documents
from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.rule import Rule, Span

REACH = 24  # code points before; a third of it after: these scripts write a word in two to four

WORDS: dict[str, tuple[str, ...]] = {
    "CN_RESIDENT_ID": ("身份证", "身份號碼", "身份号码"),
    "HK_ID": ("身份證", "身分證", "身份证"),
    "TW_ID": ("身分證", "身份證", "統一編號", "居留證"),
    "JP_MY_NUMBER": ("マイナンバー", "個人番号"),
    "KR_RRN": ("주민등록", "주민번호", "외국인등록"),
    "TH_ID": ("ประจำตัวประชาชน", "บัตรประชาชน"),
    "IN_AADHAAR": ("आधार",),
    "IN_PAN": ("पैन",),
    "IL_ID": ("תעודת זהות", "ת.ז", 'ת"ז', "מספר זהות"),
    "SA_NATIONAL_ID": ("الهوية", "الإقامة", "هوية"),
    "AE_EMIRATES_ID": ("الهوية", "هوية"),
    "KW_CIVIL_ID": ("المدني", "المدنية"),
    "EG_NATIONAL_ID": ("القومي",),
    "IR_NATIONAL_CODE": ("کد ملی", "كد ملي", "کدملی"),
    "PASSPORT": ("护照", "護照", "パスポート", "旅券", "여권", "หนังสือเดินทาง", "पासपोर्ट", "דרכון", "جواز", "گذرنامه"),
}

_RULES: tuple[Rule, ...] = tuple(
    rule
    for table in (national_asia, national_africa_middle_east, rules_documents)
    for rule in table.RULES
    if rule.label in WORDS
)
_SCORES = {label: min(rule.context_score for rule in _RULES if rule.label == label) for label in WORDS}
_LETTER = re.compile("[\u0590-\u0fff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_ANY_WORD = re.compile("|".join(re.escape(word) for word in {word for words in WORDS.values() for word in words}))


def native_recogniser(texts: Sequence[str]) -> list[list[Span]]:
    """Find identifiers by a word of their own script; a recogniser for ``Detector``."""
    return [[] if text.isascii() else _found(text) for text in texts]


def _found(text: str) -> list[Span]:
    words = [(match.start(), match.end(), match.group()) for match in _ANY_WORD.finditer(text)]
    if not words:
        return []
    # These scripts set no blank between words, so a letter of theirs that touches a number is no part of it.
    parted = _LETTER.sub(lambda letter: letter[0] if letter[0].isdecimal() else " ", text)
    finders = [Finder([rule], threshold=0.0, compiled=False) for rule in _wanted(words)]
    spans = [span for finder in finders for span in finder.find([parted])[0]]
    return [span._replace(score=_SCORES[span.label]) for span in spans if _near(span, words)]


def _wanted(words: list[tuple[int, int, str]]) -> list[Rule]:
    labels = {label for label, own in WORDS.items() if any(word in own for _, _, word in words)}
    return [rule for rule in _RULES if rule.label in labels]


def _near(span: Span, words: list[tuple[int, int, str]]) -> bool:
    own = WORDS[span.label]
    return any(
        word in own and (0 <= span.start - end <= REACH or 0 <= start - span.end <= REACH // 3)
        for start, end, word in words
    )
