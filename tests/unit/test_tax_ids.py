from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1.common_pb2 import TaxIdKind
from mostek.plugin.tax_ids import TypedTaxId, tax_id_country, tax_id_notations, typed_tax_id

NIP = "5261040828"


@pytest.mark.parametrize(
    ("typed", "country", "found"),
    [
        ("526-10-40-828", "PL", TypedTaxId("PL", NIP)),
        ("PL 526-104-08-28", "", TypedTaxId("PL", NIP)),
        ("526 104 08 28", "", TypedTaxId("PL", NIP)),
        (NIP, "DE", TypedTaxId("PL", NIP)),
        ("1234567890", "PL", TypedTaxId("PL", "1234567890")),
        ("de 811 907 980", "PL", TypedTaxId("DE", "811907980")),
        ("811907980", "DE", TypedTaxId("DE", "811907980")),
        ("EL094259216", "GR", TypedTaxId("GR", "094259216")),
        ("XI 980780684", "GB", TypedTaxId("GB", "980780684")),
        ("12345", "", TypedTaxId("", "12345")),
        ("brak", "PL", None),
        ("", "PL", None),
    ],
)
def test_a_tax_id_is_told_from_what_was_typed(
    typed: str, country: str, found: TypedTaxId | None
) -> None:
    assert typed_tax_id(typed, country) == found


@pytest.mark.parametrize(
    ("country", "kind"),
    [
        ("PL", TaxIdKind.TAX_ID_KIND_NIP),
        ("DE", TaxIdKind.TAX_ID_KIND_EU_VAT),
        ("GR", TaxIdKind.TAX_ID_KIND_EU_VAT),
        ("GB", TaxIdKind.TAX_ID_KIND_OTHER),
        ("", TaxIdKind.TAX_ID_KIND_OTHER),
    ],
)
def test_its_kind_follows_from_the_country(country: str, kind: TaxIdKind.ValueType) -> None:
    assert TypedTaxId(country, "1").kind == kind


@given(st.sampled_from(tax_id_notations(NIP)))
def test_every_notation_means_the_same_and_asks_for_the_same(notation: str) -> None:
    assert typed_tax_id(notation, "PL") == TypedTaxId("PL", NIP)
    assert len(notation) <= 20
    assert sorted(tax_id_notations(notation)) == sorted(tax_id_notations(NIP))


def test_a_foreign_number_is_looked_for_with_each_prefix_and_without() -> None:
    assert {"EL094259216", "GR 094259216", "094259216"} <= set(tax_id_notations("EL 094-259-216"))
    assert tax_id_country("EL094259216") == "GR"
    assert tax_id_country(NIP) is None
