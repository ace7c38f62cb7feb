"""What callers name products by, and which products that means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.orders.cards import ProductCard
from mostek.plugin.orders.choices import INT, chosen_products, known_id


def test_an_id_is_a_number_that_its_column_can_hold() -> None:
    assert known_id("17") == 17
    assert known_id(str(INT)) == INT
    assert known_id(str(INT + 1), 10**18 - 1) == INT + 1
    for wrong in ("", "0", "007", "-1", "+1", " 1", "1.0", "²", "９", str(INT + 1), "9" * 5_000):
        assert known_id(wrong) is None, wrong


def test_each_choice_gets_what_it_means_and_all_are_read_at_once() -> None:
    cards = {n: ProductCard(id=n, code=f"C{n}", name="", unit="szt.") for n in (1, 2, 3)}
    asked: list[list[int]] = []

    def read(ids: Sequence[int]) -> Mapping[int, ProductCard]:
        asked.append(list(ids))
        return cards

    found = chosen_products(
        [
            ProductChoice(id="1"),
            ProductChoice(code="c2 "),
            ProductChoice(ean="590"),
            ProductChoice(code="no such"),
            ProductChoice(id="4"),
        ],
        codes=lambda values: [("C2", 2)],
        eans=lambda values: [("590", 3), ("590", 1)],
        read=read,
    )
    assert [[card.id for card in cards] for cards in found] == [[1], [2], [1, 3], [], []]
    assert asked == [[1, 2, 3, 4]]
