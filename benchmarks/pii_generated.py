"""Personal data made up by a seed: valid identifiers of many countries, near misses, and numbers that are none.

``python benchmarks/pii_generated.py [--seed 0] [--each 20]`` prints precision and recall of the rules on it, with
Wilson intervals at 95 %. Nothing comes from outside: a record is a function of the seed. Sentences are in the language
of the country. Three kinds of records:

- valid: an identifier as its holders write it, in a sentence that names it; the span is labelled;
- near miss: the same sentence with one digit changed so that the check digit, date or range is wrong; no span;
- hard negative: UUIDs, hashes, order numbers, versions, epoch times, prices, part numbers; no span.

The values are drawn from a shape until the rule's own validator accepts; that the validators are right is shown by
``tests/kernels/personal_data/test_national_stdnum.py``, against python-stdnum. So this measures expressions, context
words, scores and overlaps, not validators; and its sentences are ours: the shared labelled data measures the rest.
"""

from __future__ import annotations

import argparse
import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

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
    rules_documents,
    rules_secrets,
    rules_wallets,
)
from holdfast.kernels.personal_data.detecting import Finder
from holdfast.kernels.personal_data.detector import Detector
from holdfast.kernels.personal_data.native_words import native_recogniser
from holdfast.kernels.personal_data.rule import Rule, Span
from holdfast.kernels.stats.proportions import wilson

TABLES = (
    national_western_europe,
    national_northern_europe,
    national_southern_europe,
    national_eastern_europe,
    national_north_america,
    national_latin_america,
    national_asia,
    national_oceania,
    national_africa_middle_east,
    rules_documents,
    rules_secrets,
    rules_wallets,
)
RULES: tuple[Rule, ...] = tuple(rule for table in TABLES for rule in table.RULES)


class Record(NamedTuple):
    """A text and its labelled spans (start, end, label); ``kind`` is valid, near_miss or hard_negative."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    kind: str
    about: str


class Kind(NamedTuple):
    """An identifier: its label, the language of its sentences, what its holders call it, and its shapes."""

    label: str
    language: str
    name: str
    shapes: tuple[str, ...]


SENTENCES = {
    "en": ("My {name} is {value}, please check it.", "Application received today. {name}: {value}"),
    "de": ("Meine {name} lautet {value}.", "Bitte ergänzen Sie die Akte ({name}: {value})."),
    "fr": ("Mon {name} est le {value}, merci de vérifier.", "Dossier reçu. {name} : {value}"),
    "es": ("Mi {name} es {value}, gracias.", "Expediente recibido. {name}: {value}"),
    "it": ("Il mio {name} è {value}.", "Pratica ricevuta. {name}: {value}"),
    "nl": ("Mijn {name} is {value}.", "Aanvraag ontvangen, {name}: {value}"),
    "pt": ("O meu {name} é {value}.", "Processo recebido. {name}: {value}"),
    "pl": ("Mój {name} to {value}.", "Wniosek wpłynął dzisiaj. {name}: {value}"),
    "sv": ("Mitt {name} är {value}.", "Ansökan har kommit in, {name}: {value}"),
    "da": ("Mit {name} er {value}.", "Ansøgning modtaget. {name}: {value}"),
    "nb": ("Mitt {name} er {value}.", "Søknad mottatt. {name}: {value}"),
    "fi": ("Minun {name} on {value}.", "Hakemus saapui. {name}: {value}"),
    "is": ("Mín {name} er {value}.", "Umsókn móttekin. {name}: {value}"),
    "et": ("Minu {name} on {value}.", "Avaldus saabus. {name}: {value}"),
    "lt": ("Mano {name} yra {value}.", "Prašymas gautas. {name}: {value}"),
    "lv": ("Mans {name} ir {value}.", "Pieteikums saņemts. {name}: {value}"),
    "cs": ("Moje {name} je {value}.", "Žádost přijata. {name}: {value}"),
    "sk": ("Moje {name} je {value}.", "Žiadosť prijatá. {name}: {value}"),
    "hu": ("Az én {name}: {value}.", "A kérelem beérkezett. {name} {value}"),
    "ro": ("Al meu {name} este {value}.", "Cerere primită. {name}: {value}"),
    "bg": ("Моето {name} е {value}.", "Заявлението е получено. {name}: {value}"),
    "hr": ("Moj {name} je {value}.", "Zahtjev zaprimljen. {name}: {value}"),
    "sl": ("Moja {name} je {value}.", "Vloga prejeta. {name}: {value}"),
    "sr": ("Мој {name} је {value}.", "Zahtev primljen. {name}: {value}"),
    "el": ("Ο δικός μου {name} είναι {value}.", "Η αίτηση ελήφθη. {name}: {value}"),
    "uk": ("Мій {name} {value}.", "Заяву отримано. {name}: {value}"),
    "ru": ("Мой {name} {value}.", "Заявление получено. {name}: {value}"),
    "tr": ("Benim {name} {value}.", "Başvuru alındı. {name}: {value}"),
    "he": ("ה{name} שלי הוא {value}.", "הבקשה התקבלה. {name}: {value}"),
    "ar": ("{name} الخاص بي هو {value}.", "تم استلام الطلب. {name}: {value}"),
    "fa": ("{name} من {value} است.", "درخواست دریافت شد. {name}: {value}"),
    "hi": ("मेरा {name} {value} है।", "आवेदन मिला। {name}: {value}"),
    "zh": ("我的{name}是{value}。", "已收到申请，{name}：{value}"),
    "ja": ("私の{name}は{value}です。", "申請を受け付けました。{name}：{value}"),
    "ko": ("제 {name}는 {value}입니다.", "신청이 접수되었습니다. {name}: {value}"),
    "th": ("{name}ของฉันคือ {value}", "ได้รับคำขอแล้ว {name}: {value}"),
    "ms": ("{name} saya ialah {value}.", "Permohonan diterima. {name}: {value}"),
    "id": ("{name} saya adalah {value}.", "Permohonan diterima. {name}: {value}"),
    "vi": ("{name} của tôi là {value}.", "Đã nhận hồ sơ. {name}: {value}"),
}

KINDS = (
    Kind("UK_NHS", "en", "NHS number", ("[0-9]{3} [0-9]{3} [0-9]{4}", "[0-9]{10}")),
    Kind(
        "UK_NINO",
        "en",
        "National Insurance number",
        ("[A-C][A-CEGH][0-9]{6}[A-D]", "[A-C][A-CEGH] [0-9]{2} [0-9]{2} [0-9]{2} [A-D]"),
    ),
    Kind("UK_UTR", "en", "UTR", ("[0-9]{10}", "[0-9]{5} [0-9]{5}")),
    Kind("UK_DRIVER_LICENSE", "en", "driving licence number", ("[A-Z]{5}[0-9]<month><day>[0-9][A-Z]9[0-9][A-Z]{2}",)),
    Kind("IE_PPS", "en", "PPS number", ("[0-9]{7}[A-W]", "[0-9]{7}[A-W]A")),
    Kind("DE_STEUER_ID", "de", "Steuer-ID", ("[1-9][0-9]{10}", "[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}")),
    Kind(
        "DE_RENTENVERSICHERUNG",
        "de",
        "Rentenversicherungsnummer",
        ("[1-8][0-9]<day><month>[0-9]{2}[A-Z][0-9]{3}", "[1-8][0-9] <day><month>[0-9]{2} [A-Z] [0-9]{3}"),
    ),
    Kind("DE_KVNR", "de", "Krankenversichertennummer", ("[A-Z][0-9]{9}",)),
    Kind("DE_ID_CARD", "de", "Personalausweisnummer", ("L[0-9CFGHJK]{8}[0-9]",)),
    Kind(
        "FR_NIR",
        "fr",
        "numéro de sécurité sociale",
        ("[12] [0-9]{2} <month> [0-7][1-9] [0-9]{3} [0-9]{3} [0-9]{2}", "[12][0-9]{2}<month>2[AB][0-9]{8}"),
    ),
    Kind("FR_NIF", "fr", "numéro fiscal", ("[0-3][0-9] [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",)),
    Kind("FR_SIRET", "fr", "SIRET", ("[0-9]{3} [0-9]{3} [0-9]{3} 000[0-9]{2}", "[0-9]{14}")),
    Kind("FR_SIREN", "fr", "SIREN", ("[0-9]{3} [0-9]{3} [0-9]{3}", "[0-9]{9}")),
    Kind(
        "ES_NIF",
        "es",
        "DNI",
        ("[0-9]{8}[A-HJ-NP-TV-Z]", "[0-9]{8}-[A-HJ-NP-TV-Z]", "[0-9]{2}.[0-9]{3}.[0-9]{3}-[A-HJ-NP-TV-Z]"),
    ),
    Kind("ES_NIE", "es", "NIE", ("[XYZ][0-9]{7}[A-HJ-NP-TV-Z]",)),
    Kind("ES_CIF", "es", "CIF", ("[ABEH][0-9]{8}",)),
    Kind("ES_NSS", "es", "número de la Seguridad Social", ("[0-4][1-9]/[0-9]{8}/[0-9]{2}", "[0-4][1-9][0-9]{10}")),
    Kind(
        "IT_FISCAL_CODE",
        "it",
        "codice fiscale",
        ("[A-Z]{6}[0-9]{2}[A-E]<day>[A-L][0-9]{3}[A-Z]", "[A-Z]{6}[0-9]{2}[A-E]<day>[A-L][LMNPQ]{3}[A-Z]"),
    ),
    Kind("IT_VAT_CODE", "it", "numero di partita IVA", ("[0-9]{7}0[0-9]{3}",)),
    Kind("NL_BSN", "nl", "BSN", ("[0-9]{9}",)),
    Kind(
        "BE_RIJKSREGISTER",
        "nl",
        "rijksregisternummer",
        ("[0-9]{2}.<month>.<day>-[0-9]{3}.[0-9]{2}", "[0-9]{2}<month><day>[0-9]{5}"),
    ),
    Kind("LU_MATRICULE", "fr", "matricule", ("19[0-9]{2}<month><day>[0-9]{5}",)),
    Kind(
        "AT_SVNR",
        "de",
        "Sozialversicherungsnummer",
        ("[1-9][0-9]{3} <day><month>[0-9]{2}", "[1-9][0-9]{3}<day><month>[0-9]{2}"),
    ),
    Kind("CH_AHV", "de", "AHV-Nummer", ("756.[0-9]{4}.[0-9]{4}.[0-9]{2}", "756[0-9]{10}")),
    Kind("PT_NIF", "pt", "NIF", ("[12][0-9]{2} [0-9]{3} [0-9]{3}", "[12][0-9]{8}")),
    Kind("PT_CARTAO_CIDADAO", "pt", "cartão de cidadão", ("[0-9]{8} [0-9] [A-Z]{2}[0-9]",)),
    Kind("SE_PERSONNUMMER", "sv", "personnummer", ("[0-9]{2}<month><day>-[0-9]{4}", "19[0-9]{2}<month><day>[0-9]{4}")),
    Kind("SE_ORGANISATIONSNUMMER", "sv", "organisationsnummer", ("55[6-9][0-9]{3}-[0-9]{4}",)),
    Kind("DK_CPR", "da", "CPR-nummer", ("<day><month>[0-9]{2}-[0-9]{4}", "<day><month>[0-9]{6}")),
    Kind("DK_CVR", "da", "CVR-nummer", ("[1-4][0-9]{7}",)),
    Kind("NO_FODSELSNUMMER", "nb", "fødselsnummer", ("<day><month>[0-9]{2} [0-9]{5}", "<day><month>[0-9]{7}")),
    Kind("NO_ORGNR", "nb", "organisasjonsnummer", ("9[0-9]{2} [0-9]{3} [0-9]{3}",)),
    Kind(
        "FI_HETU",
        "fi",
        "henkilötunnus",
        ("<day><month>[0-9]{2}-[1-8][0-9]{2}[0-9A-FHJ-NPR-Y]", "<day><month>0[0-9]A[1-8][0-9]{2}[0-9A-FHJ-NPR-Y]"),
    ),
    Kind("IS_KENNITALA", "is", "kennitala", ("<day><month>[0-9]{2}-[0-9]{3}[90]",)),
    Kind("EE_ISIKUKOOD", "et", "isikukood", ("[3-6][0-9]{2}<month><day>[0-9]{4}",)),
    Kind("LT_ASMENS_KODAS", "lt", "asmens kodas", ("[3-6][0-9]{2}<month><day>[0-9]{4}",)),
    Kind("LV_PERSONAS_KODS", "lv", "personas kods", ("<day><month>[0-9]{2}-[12][0-9]{4}",)),
    Kind("PESEL", "pl", "numer PESEL", ("[0-9]{2}<month><day>[0-9]{5}",)),
    Kind("NIP", "pl", "NIP", ("[1-9][0-9]{2}-[0-9]{3}-[0-9]{2}-[0-9]{2}", "[1-9][0-9]{9}", "PL[1-9][0-9]{9}")),
    Kind("REGON", "pl", "REGON", ("[0-9]{9}", "[0-9]{14}")),
    Kind("DOWOD", "pl", "dowód osobisty", ("[A-Z]{3}[0-9]{6}", "[A-Z]{3} [0-9]{6}")),
    Kind("PL_PASSPORT", "pl", "paszport", ("[A-Z]{2}[0-9]{7}",)),
    Kind("CZ_RODNE_CISLO", "cs", "rodné číslo", ("[6-9][0-9]<month><day>/[0-9]{4}",)),
    Kind("HU_ADOAZONOSITO", "hu", "adóazonosító jel", ("8[0-9]{9}",)),
    Kind("HU_TAJ", "hu", "TAJ szám", ("[0-9]{3} [0-9]{3} [0-9]{3}", "[0-9]{9}")),
    Kind("HU_SZEMELYI_SZAM", "hu", "személyi szám", ("[12]-[0-9]{2}<month><day>-[0-9]{4}",)),
    Kind("RO_CNP", "ro", "CNP", ("[12][0-9]{2}<month><day>[0-4][1-6][0-9]{4}",)),
    Kind("BG_EGN", "bg", "ЕГН", ("[0-9]{2}<month><day>[0-9]{4}",)),
    Kind("HR_OIB", "hr", "OIB", ("[0-9]{11}",)),
    Kind("SI_EMSO", "sl", "EMŠO", ("<day><month>9[0-9]{2}50[0-9]{4}",)),
    Kind("SI_DAVCNA_STEVILKA", "sl", "davčna številka", ("[1-9][0-9]{7}",)),
    Kind("RS_JMBG", "sr", "ЈМБГ", ("<day><month>9[0-9]{2}71[0-9]{4}",)),
    Kind("GR_AMKA", "el", "ΑΜΚΑ", ("<day><month>[0-9]{7}",)),
    Kind("GR_AFM", "el", "ΑΦΜ", ("[0-9]{9}",)),
    Kind("CY_TAX", "en", "tax number (TIC)", ("[03-9][0-9]{7}[A-Z]",)),
    Kind("UA_RNOKPP", "uk", "РНОКПП", ("[23][0-9]{9}",)),
    Kind("RU_SNILS", "ru", "СНИЛС", ("[1-9][0-9]{2}-[0-9]{3}-[0-9]{3} [0-9]{2}", "[1-9][0-9]{10}")),
    Kind("RU_INN", "ru", "ИНН", ("[0-9]{12}",)),
    Kind("RU_PASSPORT", "ru", "паспорт", ("[0-9]{4} [0-9]{6}",)),
    Kind("MD_IDNP", "ro", "IDNP", ("2[0-9]{12}",)),
    Kind(
        "US_SSN",
        "en",
        "social security number",
        (
            "[1-8][0-9]{2}-[1-9][0-9]-[1-9][0-9]{3}",
            "[1-8][0-9]{2} [1-9][0-9] [1-9][0-9]{3}",
            "[1-8][0-9]{2}[1-9][0-9][1-9][0-9]{3}",
        ),
    ),
    Kind("US_ITIN", "en", "ITIN", ("9[0-9]{2}-7[0-9]-[0-9]{4}",)),
    Kind("US_EIN", "en", "EIN", ("[1-6][0-6]-[0-9]{7}",)),
    Kind("US_NPI", "en", "NPI", ("1[0-9]{9}",)),
    Kind("US_MBI", "en", "Medicare beneficiary number", ("[1-9][AC-H][0-9]{2}-[AC-H][0-9]{2}-[AC-H]{2}[0-9]{2}",)),
    Kind("US_DEA", "en", "DEA number", ("[ABF][A-Z][0-9]{7}",)),
    Kind(
        "US_DRIVER_LICENSE",
        "en",
        "driver's license number",
        ("[A-Z][0-9]{7}", "[0-9]{9}", "[A-Z][0-9]{12}", "[0-9]{8}"),
    ),
    Kind("CA_SIN", "en", "SIN", ("[1-7][0-9]{2} [0-9]{3} [0-9]{3}", "[1-7][0-9]{2}-[0-9]{3}-[0-9]{3}")),
    Kind("BR_CPF", "pt", "CPF", ("[0-9]{3}.[0-9]{3}.[0-9]{3}-[0-9]{2}", "[0-9]{11}")),
    Kind("BR_CNPJ", "pt", "CNPJ", ("[0-9]{2}.[0-9]{3}.[0-9]{3}/0001-[0-9]{2}", "[0-9]{8}0001[0-9]{2}")),
    Kind("BR_PIS", "pt", "PIS", ("1[0-9]{2}.[0-9]{5}.[0-9]{2}-[0-9]",)),
    Kind("MX_CURP", "es", "CURP", ("[A-Z][AEIOU][A-Z]{2}[0-9]{2}<month><day>[HM]<DF|JC|NL|OC>[B-DF-H]{3}[0-9]{2}",)),
    Kind("MX_RFC", "es", "RFC", ("[A-Z]{4}[0-9]{2}<month><day>[A-Z0-9]{2}[0-9A]",)),
    Kind("AR_CUIT", "es", "CUIT", ("<20|23|27>-[0-9]{8}-[0-9]", "<20|23|27>[0-9]{9}")),
    Kind("CL_RUT", "es", "RUT", ("[12][0-9].[0-9]{3}.[0-9]{3}-[0-9K]", "[12][0-9]{7}-[0-9K]")),
    Kind("CO_NIT", "es", "NIT", ("[89][0-9]{2}.[0-9]{3}.[0-9]{3}-[0-9]", "[89][0-9]{8}-[0-9]")),
    Kind("PE_RUC", "es", "RUC", ("<10|20>[0-9]{9}",)),
    Kind("EC_CEDULA", "es", "cédula", ("<0[1-9]|1[0-9]>[0-5][0-9]{7}",)),
    Kind("UY_CEDULA", "es", "cédula de identidad", ("[1-5].[0-9]{3}.[0-9]{3}-[0-9]",)),
    Kind("PY_RUC", "es", "RUC", ("[1-9][0-9]{6}-[0-9]",)),
    Kind("VE_RIF", "es", "RIF", ("[VJ]-[0-9]{8}-[0-9]", "[VJ][0-9]{9}")),
    Kind("DO_CEDULA", "es", "cédula", ("00[1-9]-[0-9]{7}-[0-9]",)),
    Kind("GT_DPI", "es", "DPI", ("[0-9]{4} [0-9]{5} 0[1-9]0[1-9]",)),
    Kind("SV_DUI", "es", "DUI", ("0[0-9]{7}-[0-9]",)),
    Kind("AU_TFN", "en", "TFN", ("[1-9][0-9]{2} [0-9]{3} [0-9]{3}",)),
    Kind("AU_MEDICARE", "en", "Medicare card number", ("[2-6][0-9]{3} [0-9]{5} [1-9]",)),
    Kind("AU_ABN", "en", "ABN", ("[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}",)),
    Kind("AU_ACN", "en", "ACN", ("[0-9]{3} [0-9]{3} [0-9]{3}",)),
    Kind("NZ_IRD", "en", "IRD number", ("[1-9][0-9]-[0-9]{3}-[0-9]{3}", "1[0-4][0-9]-[0-9]{3}-[0-9]{3}")),
    Kind("NZ_NHI", "en", "NHI number", ("[A-H]{3}[0-9]{4}",)),
    Kind("IN_AADHAAR", "en", "Aadhaar number", ("[2-9][0-9]{3} [0-9]{4} [0-9]{4}", "[2-9][0-9]{11}")),
    Kind("IN_AADHAAR", "hi", "आधार नंबर", ("[2-9][0-9]{3} [0-9]{4} [0-9]{4}",)),
    Kind("IN_PAN", "en", "PAN", ("[A-Z]{3}P[A-Z][0-9]{4}[A-Z]",)),
    Kind("IN_GSTIN", "en", "GSTIN", ("[0-2][1-9][A-Z]{3}P[A-Z][0-9]{4}[A-Z][1-9]Z[0-9A-Z]",)),
    Kind("IN_VOTER", "en", "voter ID", ("[A-Z]{3}[0-9]{7}",)),
    Kind("CN_RESIDENT_ID", "zh", "身份证号码", ("110101<19[5-9][0-9]|200[0-9]><month><day>[0-9]{3}[0-9X]",)),
    Kind("HK_ID", "zh", "香港身份證", ("[A-Z][0-9]{6}([0-9A])",)),
    Kind("TW_ID", "zh", "身分證字號", ("[A-Z][12][0-9]{8}",)),
    Kind("JP_MY_NUMBER", "ja", "マイナンバー", ("[0-9]{12}", "[0-9]{4} [0-9]{4} [0-9]{4}")),
    Kind("KR_RRN", "ko", "주민등록번호", ("[6-9][0-9]<month><day>-[12][0-9]{6}",)),
    Kind("SG_NRIC_FIN", "en", "NRIC", ("[STFG][0-9]{7}[A-Z]",)),
    Kind("TH_ID", "th", "เลขประจำตัวประชาชน", ("[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]", "[1-8][0-9]{12}")),
    Kind(
        "MY_NRIC",
        "ms",
        "No. Kad Pengenalan",
        ("[6-9][0-9]<month><day>-0[1-9]-[0-9]{4}", "[6-9][0-9]<month><day>0[1-9][0-9]{4}"),
    ),
    Kind("ID_NIK", "id", "NIK", ("31[0-9]{4}<day><month>[0-9]{2}000[1-9]",)),
    Kind("VN_CCCD", "vi", "số CCCD", ("0[0-8][1-9][0-3][0-9]{8}",)),
    Kind("PK_CNIC", "en", "CNIC", ("[1-7][0-9]{4}-[0-9]{7}-[1-9]", "[1-7][0-9]{11}[1-9]")),
    Kind("LK_NIC", "en", "NIC", ("[5-9][0-9][0-2][0-9]{6}V",)),
    Kind("KZ_IIN", "ru", "ИИН", ("[6-9][0-9]<month><day>[34][0-9]{5}",)),
    Kind("IL_ID", "he", "מספר תעודת זהות", ("[0-9]{9}",)),
    Kind("TR_TCKN", "tr", "TC kimlik numaram", ("[1-9][0-9]{10}",)),
    Kind("TR_VKN", "tr", "vergi kimlik numaram", ("[1-9][0-9]{9}",)),
    Kind("SA_NATIONAL_ID", "ar", "رقم الهوية الوطنية", ("[12][0-9]{9}",)),
    Kind("AE_EMIRATES_ID", "ar", "رقم الهوية الإماراتية", ("784-19[5-9][0-9]-[0-9]{7}-[0-9]",)),
    Kind("KW_CIVIL_ID", "ar", "الرقم المدني", ("2[0-9]{2}<month><day>[0-9]{5}",)),
    Kind("IR_NATIONAL_CODE", "fa", "کد ملی", ("[0-9]{10}",)),
    Kind("EG_NATIONAL_ID", "ar", "الرقم القومي", ("2[5-9][0-9]<month><day><01|02|21>[0-9]{5}",)),
    Kind("ZA_ID", "en", "South African ID number", ("[5-9][0-9]<month><day>[0-9]{4}08[0-9]",)),
    Kind("MU_NID", "en", "NIC", ("[A-Z]<day><month>[0-9]{8}[0-9A-G]",)),
    Kind("GH_TIN", "en", "TIN", ("P00[0-9]{7}[0-9X]",)),
    Kind("GH_CARD", "en", "Ghana Card number", ("GHA-[0-9]{9}-[0-9]",)),
    Kind("KE_PIN", "en", "KRA PIN", ("A[0-9]{9}[A-Z]",)),
    Kind("NG_NIN", "en", "NIN", ("[1-9][0-9]{10}",)),
    Kind("UG_NIN", "en", "NIN (Uganda)", ("C[MF][0-9]{7}[A-Z0-9]{4}[A-Z]",)),
    Kind("MZ_NUIT", "pt", "NUIT", ("[0-9]{9}",)),
    Kind("PASSPORT", "en", "passport number", ("[A-Z][0-9]{8}", "[0-9]{9}")),
    Kind("VIN", "en", "VIN", ("1[A-H]{3}[0-9]{4}[0-9X][A-HJ-NPR-Z][0-9]{7}", "WVWZZZ1JZ[0-9]W[0-9]{6}")),
    Kind(
        "VIN", "pl", "numer VIN pojazdu", ("WVWZ ZZ1J Z[0-9]W[0-9] [0-9]{4} [0-9]", "TMB[A-H]{2}[0-9]{2}[A-H][0-9]{9}")
    ),
    Kind("IMEI", "en", "IMEI", ("35[0-9]{13}", "35-[0-9]{6}-[0-9]{6}-[0-9]")),
    Kind(
        "VEHICLE_PLATE",
        "pl",
        "numer rejestracyjny",
        ("W[A-Z] [0-9]{5}", "K[RT][0-9]{4}[A-Z]", "P[OZ] [0-9][A-Z][0-9]{3}"),
    ),
    Kind("VEHICLE_PLATE", "en", "registration plate", ("[A-H]{2}[0-9]{2} [A-Z]{3}",)),
    Kind("VEHICLE_PLATE", "de", "Kennzeichen", ("[A-Z]{2}-[A-Z]{2} [1-9][0-9]{2}",)),
    Kind("VEHICLE_PLATE", "fr", "plaque d'immatriculation", ("[A-H]{2}-[0-9]{3}-[A-H]{2}",)),
)

PIECE = re.compile(r"<([^>]*)>|(?:\[([^\]]*)\]|(.))(?:\{(\d+)\})?")
NAMED = {"month": [f"{month:02d}" for month in range(1, 13)], "day": [f"{day:02d}" for day in range(1, 29)]}


def draw(shape: str, generator: random.Random) -> str:
    """Draw a text of a shape: classes and counts as in regular expressions, choices in ``<a|b>``; month, day."""
    drawn = ""
    for choice, characters, literal, times in PIECE.findall(shape):
        if not characters and not literal:
            drawn += draw(generator.choice(NAMED.get(choice) or choice.split("|")), generator)
        for _ in range(int(times or 1)):
            drawn += generator.choice(_members(characters)) if characters else literal
    return drawn


def _members(characters: str) -> str:
    return re.sub("(.)-(.)", lambda pair: "".join(map(chr, range(ord(pair[1]), ord(pair[2]) + 1))), characters)


def valid_value(kind: Kind, generator: random.Random) -> str:
    """Draw a value until a rule of the kind's label takes the whole of it."""
    shape = generator.choice(kind.shapes)
    for _ in range(50_000):
        value = draw(shape, generator)
        if passes(kind, value):
            return value
    raise ValueError(f"no rule of {kind.label} takes a value of the shape {shape}; expected one; correct the shape")


def near_miss(kind: Kind, value: str, generator: random.Random) -> str | None:
    """Change one digit so that no rule of the label takes the value; None where every such change passes."""
    places = [place for place, character in enumerate(value) if character.isdecimal()]
    generator.shuffle(places)
    for place in places:
        for digit in generator.sample("0123456789", 10):
            changed = value[:place] + digit + value[place + 1 :]
            if digit != value[place] and not passes(kind, changed):
                return changed
    return None


def passes(kind: Kind, value: str) -> bool:
    """Whether a rule of the kind's label takes the whole value, at whatever score."""
    rules = [rule for rule in RULES if rule.label == kind.label]
    text = f"{kind.name} {value}"
    spans = Finder(rules, threshold=0.0, compiled=False).find([text])[0]
    return any(span.end - span.start == len(value) for span in spans)


def labelled(seed: int, *, each: int = 20) -> Iterator[Record]:
    """Make ``each`` valid records and near misses of every kind of identifier."""
    for kind in KINDS:
        generator = random.Random(f"{seed} {kind.label} {kind.language}")
        for _ in range(each):
            value = valid_value(kind, generator)
            sentence = generator.choice(SENTENCES[kind.language])
            yield _record(sentence, kind, value, "valid")
            missed = near_miss(kind, value, generator)
            if missed is not None:
                yield _record(sentence, kind, missed, "near_miss")


def _record(sentence: str, kind: Kind, value: str, what: str) -> Record:
    before, after = sentence.replace("{name}", kind.name).split("{value}")
    span = (len(before), len(before) + len(value), kind.label)
    return Record(before + value + after, (span,) if what == "valid" else (), what, kind.label)


NEGATIVES = {
    "uuid": ("Trace {} ended.", "request_id={}", "The job {} was started twice."),
    "sha1": ("Merge commit {} into main", "checkout at {}.", "HEAD is now at {}"),
    "sha256": ("Image digest sha256:{}", "The checksum is {}."),
    "md5": ("ETag: {}", "md5 {} report.pdf"),
    "order": ("Order {} has shipped.", "Your parcel {} will arrive on Monday.", "Invoice {} is due."),
    "version": ("Upgraded to version {}.", "pip install package=={}"),
    "epoch": ("started at {}", '{{"ts": {}, "level": "info"}}', "The lease expires at {}."),
    "price": ("Total: {} EUR", "The house was sold for {} dollars.", "Saldo {} PLN"),
    "part": ("Replace part {} on the pump.", "Artikelnummer {} ist lieferbar.", "SKU {} is out of stock."),
    "isbn": ("ISBN {} is out of print.", "See the second edition, {}."),
    "reading": ("Sensor reading {} at noon.", "Counter at {} after the run."),
    "log": ("2026-11-30T08:15:04Z worker[{}]: took 1523 ms", "10:15:04 DEBUG shard {} compacted"),
}


def negative_value(what: str, generator: random.Random) -> str:
    """Make a value that is no personal data."""
    if what == "uuid":
        return str(uuid.UUID(int=generator.getrandbits(128), version=4))
    if what in ("sha1", "sha256", "md5"):
        return f"{generator.getrandbits(256):064x}"[: {"sha1": 40, "sha256": 64, "md5": 32}[what]]
    if what == "epoch":
        return str(generator.randrange(1_500_000_000, 1_900_000_000) * generator.choice((1, 1000)))
    if what == "price":
        return f"{generator.randrange(10**4, 10**9) / 100:,.2f}"
    shapes = {
        "order": ("[0-9]{9}", "[0-9]{10}", "[0-9]{11}", "[A-Z]{2}-[0-9]{8}", "[0-9]{3}-[0-9]{7}-[0-9]{7}", "[0-9]{13}"),
        "version": (
            "[1-9].[0-9]{2}.[0-9]{1}",
            "[1-9].[0-9].[0-9]{3}",
            "20[0-9]{2}.[1-9].[0-9]{2}",
            "v[1-9].[0-9].[0-9]-rc[1-9]",
        ),
        "part": (
            "[0-9]{3}-[0-9]{3}-[0-9]{4}",
            "[A-Z]{2}[0-9]{6}",
            "[0-9]{2}-[0-9]{4}-[0-9]{3}",
            "[A-Z][0-9]{3}-[0-9]{4}[A-Z]",
        ),
        "isbn": ("978-[0-9]-[0-9]{3}-[0-9]{5}-[0-9]", "978[0-9]{10}"),
        "reading": ("[0-9]{8}", "[0-9]{12}", "[0-9]{3}.[0-9]{6}", "[0-9]{15}"),
        "log": ("[0-9]{5}", "[0-9]{8}", "[0-9a-f]{12}"),
    }
    return draw(generator.choice(shapes[what]), generator)


def hard_negatives(seed: int, *, each: int = 20) -> Iterator[Record]:
    """Make ``each`` records of every kind of number that is no personal data."""
    for what, sentences in NEGATIVES.items():
        generator = random.Random(f"{seed} {what}")
        for _ in range(each):
            text = generator.choice(sentences).format(negative_value(what, generator))
            yield Record(text, (), "hard_negative", what)


def records(seed: int, *, each: int = 20) -> list[Record]:
    """Make all records of a seed."""
    return [*labelled(seed, each=each), *hard_negatives(seed, each=each)]


def main() -> None:
    """Print precision and recall of each label, and false alarms on what is no personal data."""
    parser = argparse.ArgumentParser(
        description="Precision and recall of the rules for identifiers on generated records."
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=20)
    arguments = parser.parse_args()
    made = records(arguments.seed, each=arguments.each)
    detector = Detector(RULES, (native_recogniser,))
    found = detector.find([record.text for record in made])
    report(made, found)


def report(made: Sequence[Record], found: Sequence[Sequence[Span]]) -> None:
    """Print the tables; precision counts false alarms on all records."""
    gold, hits, alarms, missed_near = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    negatives: Counter[str] = Counter()
    for record, spans in zip(made, found, strict=True):
        expected = {(start, end, label) for start, end, label in record.spans}
        seen = {(span.start, span.end, span.label) for span in spans}
        gold.update(label for _, _, label in expected)
        hits.update(label for _, _, label in expected & seen)
        alarms.update(label for _, _, label in seen - expected)
        if seen and record.kind == "near_miss":
            missed_near[record.about] += 1
        if seen and record.kind == "hard_negative":
            negatives[record.about] += 1
    print("| label | n | recall | precision | alarms on near misses |\n|---|---|---|---|---|")
    near = Counter(record.about for record in made if record.kind == "near_miss")
    for label in sorted(gold):
        tested = f"{missed_near[label]} of {near[label]}" if near[label] else "no check digit"
        recall, precision = _share(hits[label], gold[label]), _share(hits[label], hits[label] + alarms[label])
        print(f"| {label} | {gold[label]} | {recall} | {precision} | {tested} |")
    total, right, wrong = gold.total(), hits.total(), alarms.total()
    near_alarms = f"{missed_near.total()} of {near.total()}"
    print(f"| all | {total} | {_share(right, total)} | {_share(right, right + wrong)} | {near_alarms} |")
    print("\n| no personal data | records | with an alarm |\n|---|---|---|")
    for what, records_of in Counter(record.about for record in made if record.kind == "hard_negative").items():
        print(f"| {what} | {records_of} | {negatives[what]} |")


def _share(successes: int, trials: int) -> str:
    if trials == 0:
        return "none found"
    share = wilson(successes, trials)
    return f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"


if __name__ == "__main__":
    main()
