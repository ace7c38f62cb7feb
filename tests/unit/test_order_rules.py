"""What a site says of orders, applied to drafts."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1.customer_pb2 import CustomerDraft
from mostek.erp.v1.order_pb2 import OrderDraft
from mostek.plugin.orders.site import OrderRules

WORDS = st.sampled_from(["blik", "card", "7", "shop"])
IDS = st.sampled_from(["1", "2", "7"])
TABLES = st.dictionaries(WORDS, IDS, max_size=3)
RULES = st.builds(
    lambda mapping, defaults: OrderRules.model_validate(
        {"mapping": mapping, "order_defaults": defaults}
    ),
    st.fixed_dictionaries(
        {
            name: TABLES
            for name in ("payment_methods", "price_lists", "series", "vat_codes", "warehouses")
        }
    ),
    st.fixed_dictionaries(
        {},
        optional={
            **{name: IDS for name in ("payment_method_id", "price_list_id", "warehouse_id")},
            **{"series": IDS, "reserve": st.booleans(), "payment_days": st.integers(0, 90)},
        },
    ),
)
DRAFTS = st.builds(
    lambda whole: ParseDict(whole, OrderDraft()),
    st.fixed_dictionaries(
        {"external_number": st.just("A-1")},
        optional={
            **{name: WORDS for name in ("payment_method_id", "price_list_id", "warehouse_id")},
            **{"series": WORDS, "reserve": st.booleans(), "payment_days": st.integers(0, 90)},
            "lines": st.lists(
                st.fixed_dictionaries({}, optional={"vat_code": WORDS, "warehouse_id": WORDS}),
                max_size=3,
            ),
            "buyer": st.fixed_dictionaries(
                {"draft": st.fixed_dictionaries({}, optional={"payment_method_id": WORDS})}
            ),
        },
    ),
)
FIELDS = {
    "payment_method_id": "payment_methods",
    "price_list_id": "price_lists",
    "series": "series",
    "warehouse_id": "warehouses",
}


@given(RULES, DRAFTS)
def test_what_a_draft_says_is_translated_and_only_what_it_leaves_out_is_filled_in(
    rules: OrderRules, draft: Any
) -> None:
    before = OrderDraft()
    before.CopyFrom(draft)
    said: Any = rules.order(draft)
    assert draft == before, "the caller's own draft was changed"
    for name, table in FIELDS.items():
        words = getattr(rules.mapping, table)
        default = getattr(rules.order_defaults, name)
        if draft.HasField(name):
            assert getattr(said, name) == words.get(getattr(draft, name), getattr(draft, name))
        else:
            assert (getattr(said, name) if said.HasField(name) else None) == default
    assert len(said.lines) == len(draft.lines)
    for line, own in zip(said.lines, draft.lines, strict=True):
        assert line.vat_code == rules.mapping.vat_codes.get(own.vat_code, own.vat_code)
    if draft.HasField("payment_days"):
        assert said.payment_days == draft.payment_days
    elif draft.HasField("payment_method_id"):
        assert not said.HasField("payment_days"), "the days belong to the site's own method"


@given(DRAFTS)
def test_without_rules_a_draft_stays_as_it_is(draft: Any) -> None:
    assert OrderRules().order(draft) == draft


@given(RULES, WORDS)
def test_a_new_customer_s_words_are_translated_too(rules: OrderRules, word: str) -> None:
    draft = CustomerDraft(name="Nowa", payment_method_id=word, price_list_id=word, code=word)
    said = rules.customer(draft)
    assert said.payment_method_id == rules.mapping.payment_methods.get(word, word)
    assert said.price_list_id == rules.mapping.price_lists.get(word, word)
    assert said.code == word
