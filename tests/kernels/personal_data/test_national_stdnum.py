"""Validators say the same as python-stdnum, an established implementation, on random numbers of the right shape."""

from __future__ import annotations

import importlib
import random
import re
from itertools import count

import pytest

pytest.importorskip("stdnum", reason="python-stdnum is in the test group")

TABLES = "holdfast.kernels.personal_data.national_"

# Table, validator, module of stdnum, shape: classes and counts as in regular expressions, choices in <|>. Years are
# such that neither side's idea of the future matters.
PAIRS = [
    ("western_europe", "is_nhs", "gb.nhs", "[0-9]{10}"),
    ("western_europe", "is_utr", "gb.utr", "[0-9]{10}"),
    ("western_europe", "is_pps", "ie.pps", "[0-9]{7}[A-W]<|A|B|H|W>"),
    ("western_europe", "is_steuer_id", "de.idnr", "[0-9]{11}"),
    ("western_europe", "is_nir", "fr.nir", "[12][0-9]{2}<month><[0-8][0-9]|2A|2B>[0-9]{8}"),
    ("western_europe", "is_spi", "fr.nif", "[0-3][0-9]{12}"),
    ("western_europe", "is_siret", "fr.siret", "[0-9]{14}"),
    ("western_europe", "is_siren", "fr.siren", "[0-9]{9}"),
    ("western_europe", "is_bsn", "nl.bsn", "[0-9]{9}"),
    ("western_europe", "is_rijksregister", "be.nn", "<[5-9][0-9]|0[0-9]><month><day>[0-9]{5}"),
    ("western_europe", "is_svnr", "at.vnr", "[1-9][0-9]{3}<day><month>[0-9]{2}"),
    ("western_europe", "is_ahv", "ch.ssn", "756[0-9]{10}"),
    ("southern_europe", "is_dni", "es.dni", "[0-9]{8}[A-HJ-NP-TV-Z]"),
    ("southern_europe", "is_dni", "es.nie", "[XYZ][0-9]{7}[A-HJ-NP-TV-Z]"),
    (
        "southern_europe",
        "is_codice_fiscale",
        "it.codicefiscale",
        "[A-Z]{6}[0-9]{2}[ABCDEHLMPRST]<day>[A-Z][0-9L-NP-V]{3}[A-Z]",
    ),
    ("southern_europe", "is_partita_iva", "it.iva", "[0-9]{8}0[0-9]{2}"),
    ("southern_europe", "is_portuguese_nif", "pt.nif", "[1235689][0-9]{8}"),
    ("southern_europe", "is_cartao_de_cidadao", "pt.cc", "[0-9]{9}[A-Z]{2}[0-9]"),
    ("southern_europe", "is_amka", "gr.amka", "<day><month>[0-9]{7}"),
    ("southern_europe", "is_afm", "gr.vat", "[0-9]{9}"),
    ("southern_europe", "is_cypriot_tax", "cy.vat", "[0-9]{8}[A-Z]"),
    ("northern_europe", "is_personnummer", "se.personnummer", "[0-9]{2}<month><day>[0-9]{4}"),
    ("northern_europe", "is_organisationsnummer", "se.orgnr", "[5-9][0-9][2-9][0-9]{7}"),
    ("northern_europe", "is_cvr", "dk.cvr", "[1-9][0-9]{7}"),
    ("northern_europe", "is_fodselsnummer", "no.fodselsnummer", "<day><month>[4-9][0-9][0-4][0-9]{4}"),
    ("northern_europe", "is_norwegian_organisation", "no.orgnr", "[89][0-9]{8}"),
    ("northern_europe", "is_hetu", "fi.hetu", "<day><month>[0-9]{2}A[0-8][0-9]{2}[0-9A-FHJ-NPR-Y]"),
    ("northern_europe", "is_kennitala", "is_.kennitala", "[0-9]{9}[09]"),
    ("northern_europe", "is_isikukood", "ee.ik", "[3-6][0-9]{2}<month><day>[0-9]{4}"),
    ("northern_europe", "is_isikukood", "lt.asmens", "[3-6][0-9]{2}<month><day>[0-9]{4}"),
    ("northern_europe", "is_personas_kods", "lv.pvn", "<day><month>[0-9]{2}[1][0-9]{4}"),
    ("eastern_europe", "is_pesel", "pl.pesel", "[0-9]{2}<month><day>[0-9]{5}"),
    ("eastern_europe", "is_nip", "pl.nip", "[0-9]{10}"),
    ("eastern_europe", "is_regon", "pl.regon", "[0-9]{9}<|[0-9]{5}>"),
    ("eastern_europe", "is_rodne_cislo", "cz.rc", "[56789][0-9]<0[1-9]|1[0-2]|5[1-9]|6[0-2]><day>[0-9]{4}"),
    ("eastern_europe", "is_cnp", "ro.cnp", "[12][0-9]{2}<month><day>[0-4][1-6][0-9]{4}"),
    ("eastern_europe", "is_egn", "bg.egn", "[0-9]{2}<month><day>[0-9]{4}"),
    ("eastern_europe", "is_oib", "hr.oib", "[0-9]{11}"),
    ("eastern_europe", "is_jmbg", "si.emso", "<day><month>9[0-9]{8}"),
    ("eastern_europe", "is_slovenian_tax", "si.ddv", "[1-9][0-9]{7}"),
    ("eastern_europe", "is_rnokpp", "ua.rntrc", "[0-4][0-9]{9}"),
    ("eastern_europe", "is_personal_inn", "ru.inn", "[0-9]{12}"),
    ("north_america", "is_ssn", "us.ssn", "[0-9]{9}"),
    ("north_america", "is_sin", "ca.sin", "[1-79][0-9]{8}"),
    ("latin_america", "is_cpf", "br.cpf", "[0-9]{11}"),
    ("latin_america", "is_cnpj", "br.cnpj", "[0-9A-Z]{12}[0-9]{2}"),
    ("latin_america", "is_curp", "mx.curp", "B[AEIOU]X[A-Z][0-9]{2}<month><day>[HM]<DF|NE|JC>[B-DF-H]{3}[0-9]{2}"),
    ("latin_america", "is_cuit", "ar.cuit", "<20|23|24|27|30|33>[0-9]{9}"),
    ("latin_america", "is_rut", "cl.rut", "[1-9][0-9]{7}[0-9K]"),
    ("latin_america", "is_nit", "co.nit", "[0-9]{10}"),
    ("latin_america", "is_peruvian_ruc", "pe.ruc", "<10|15|17|20>[0-9]{9}"),
    ("latin_america", "is_ecuadorian_cedula", "ec.ci", "<0[1-9]|1[0-9]>[0-5][0-9]{7}"),
    ("latin_america", "is_paraguayan_ruc", "py.ruc", "[0-9]{8}"),
    ("latin_america", "is_rif", "ve.rif", "[VEJPG][0-9]{9}"),
    ("latin_america", "is_dominican_cedula", "do.cedula", "[1-9][0-9]{10}"),
    ("oceania", "is_tfn", "au.tfn", "[0-9]{9}"),
    ("oceania", "is_abn", "au.abn", "[1-9][0-9]{10}"),
    ("oceania", "is_acn", "au.acn", "[0-9]{9}"),
    ("oceania", "is_ird", "nz.ird", "[2-9][0-9]{7}"),
    ("asia", "is_aadhaar", "in_.aadhaar", "[0-9]{12}"),
    ("asia", "is_gstin", "in_.gstin", "<0[1-9]|1[0-9]>[A-Z]{3}P[A-Z][0-9]{4}[A-Z][1-9]Z[0-9A-Z]"),
    ("asia", "is_epic", "in_.epic", "[A-Z]{3}[0-9]{7}"),
    ("asia", "is_resident_identity", "cn.ric", "11010119[0-9]{2}<month><day>[0-9]{3}[0-9X]"),
    ("asia", "is_my_number", "jp.in_", "[0-9]{12}"),
    ("asia", "is_rrn", "kr.rrn", "[6-9][0-9]<month><day>[12][0-8][0-9]{5}"),
    ("asia", "is_thai_id", "th.pin", "[1-8][0-9]{12}"),
    ("africa_middle_east", "is_israeli_id", "il.idnr", "[0-9]{9}"),
    ("africa_middle_east", "is_turkish_id", "tr.tckimlik", "[1-9][0-9]{10}"),
    ("africa_middle_east", "is_vkn", "tr.vkn", "[0-9]{10}"),
    ("africa_middle_east", "is_south_african_id", "za.idnr", "[0-9]{2}<month><day>[0-9]{4}[01][0-9]{2}"),
    ("africa_middle_east", "is_mauritian_id", "mu.nid", "[A-Z]<day><month>[0-9]{8}[0-9A-G]"),
    ("africa_middle_east", "is_nuit", "mz.nuit", "[0-9]{9}"),
]

PIECE = re.compile(r"<([^>]*)>|(?:\[([^\]]*)\]|(.))(?:\{(\d+)\})?")
NAMED = {"month": [f"{month:02d}" for month in range(1, 13)], "day": [f"{day:02d}" for day in range(1, 29)]}


def draw(shape: str, generator: random.Random) -> str:
    drawn = ""
    for choice, characters, literal, times in PIECE.findall(shape):
        if not characters and not literal:
            drawn += draw(generator.choice(NAMED.get(choice) or choice.split("|")), generator)
        for _ in range(int(times or 1)):
            drawn += generator.choice(members(characters)) if characters else literal
    return drawn


def members(characters: str) -> str:
    return re.sub("(.)-(.)", lambda pair: "".join(map(chr, range(ord(pair[1]), ord(pair[2]) + 1))), characters)


@pytest.mark.parametrize(("table", "validator", "module", "shape"), PAIRS, ids=[f"{p[1]}-{p[2]}" for p in PAIRS])
def test_validator_agrees_with_stdnum(table, validator, module, shape):
    generator = random.Random(f"{validator} {module}")
    check = getattr(importlib.import_module(TABLES + table), validator)
    reference = importlib.import_module(f"stdnum.{module}").is_valid
    valid = 0
    for drawn in count():
        number = draw(shape, generator)
        expected = reference(number)
        assert check(number) == expected, number
        valid += expected
        if drawn >= 500 and valid >= 3:
            break
