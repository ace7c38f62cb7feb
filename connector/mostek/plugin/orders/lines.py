"""The lines of a draft: product, unit, quantity, price, discount and VAT of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from mostek.erp.v1.order_pb2 import OrderLineDraft
from mostek.plugin.orders.amounts import (
    MOST_MONEY,
    ZERO,
    final_price,
    line_amounts,
    other_price,
)
from mostek.plugin.orders.cards import (
    Cards,
    CustomerCard,
    ListedPrice,
    ProductCard,
    VatCard,
    folded,
)
from mostek.plugin.orders.plan import PlannedLine
from mostek.plugin.orders.problems import (
    AMBIGUOUS,
    INACTIVE,
    INCONSISTENT,
    NO_PRICE,
    NOT_FOUND,
    OTHER,
    TOO_LONG,
    Problems,
)

__all__ = ["Lines", "Terms", "counted_from_net"]

_SCALE = 4

C = TypeVar("C", bound=CustomerCard)
P = TypeVar("P", bound=ProductCard)


def counted_from_net(lines: Sequence[OrderLineDraft], default: bool) -> bool:
    """What the order is counted from: net if the first price given is net."""
    kinds = (line.price.WhichOneof("price") for line in lines if line.HasField("price"))
    first = next(kinds, None)
    return default if first is None else first == "net"


@dataclass(frozen=True)
class Terms(Generic[C]):
    """What holds for all lines of an order."""

    from_net: bool
    #: Its id; 0 if there is none, None if the draft's was refused.
    price_list: int | None
    warehouse: int
    buyer: C | None
    #: Why a line may have no other warehouse than the order; empty: it may.
    one_warehouse: str = ""
    #: Whether the program limits prices to whole grosze.
    whole_grosze: bool = False
    #: Whether a line's price is after its discount, because the program is not given any.
    final_prices: bool = False


@dataclass(frozen=True)
class Lines(Generic[C, P]):
    """Plans the lines of one order; what is wrong goes to `problems`."""

    cards: Cards[C, P]
    problems: Problems
    terms: Terms[C]

    def plan(
        self, drafts: Sequence[OrderLineDraft]
    ) -> tuple[list[P | None], list[PlannedLine[P] | None]]:
        """For each line its product, None if there is none, and its plan, None if it has a problem."""
        found = self.cards.products([draft.product for draft in drafts])
        chosen = [
            self._product(f"lines[{n}].product", draft, candidates)
            for n, (draft, candidates) in enumerate(zip(drafts, found, strict=True))
        ]
        known = [product for product in chosen if product]
        price_list = self.terms.price_list
        prices = {} if price_list is None else self.cards.prices(known, price_list)
        rates = self.cards.vat_rates()
        return chosen, [
            self._line(f"lines[{n}]", draft, product, prices, rates)
            for n, (draft, product) in enumerate(zip(drafts, chosen, strict=True))
        ]

    def _line(
        self,
        path: str,
        draft: OrderLineDraft,
        product: P | None,
        prices: Mapping[int, ListedPrice],
        rates: Sequence[VatCard],
    ) -> PlannedLine[P] | None:
        before = len(self.problems.found)
        remark = self.problems.text(
            f"{path}.remark", draft.remark, self.cards.column("lines.remark")
        )
        self._refuse_warehouse(path, draft)
        quantity = self._quantity(f"{path}.quantity", Decimal(draft.quantity))
        if product is None:
            return None
        self._refuse_product(f"{path}.product.{draft.product.WhichOneof('product')}", product)
        unit, factor = self._unit(path, draft, product)
        base = quantity * factor
        if factor != 1:
            self._quantity(f"{path}.quantity", base)
        rate = self._rate(path, draft, product, rates)
        price = self._price(path, draft, prices.get(product.id), factor)
        discount = self._discount(path, draft, product)
        if len(self.problems.found) > before or rate is None or price is None:
            return None
        if self.terms.final_prices:
            price, discount = final_price(price, discount), ZERO
        from_net = self.terms.from_net
        other = other_price(price, rate.percent, from_net=from_net)
        amounts = line_amounts(quantity, price, discount, rate.percent, from_net=from_net)
        if max(amounts.gross, base, other) > MOST_MONEY:
            self.problems.add(path, TOO_LONG, f"comes to more than the ERP holds: {MOST_MONEY}")
            return None
        for remarked in product.remarks:
            self.problems.warn(f"{path}.product", remarked)
        return PlannedLine(
            product=product,
            quantity=quantity,
            unit=unit,
            base_quantity=base,
            net_price=price if from_net else other,
            gross_price=other if from_net else price,
            from_price_list=not draft.HasField("price"),
            discount=discount,
            rate=rate,
            amounts=amounts,
            remark=remark,
        )

    def _product(self, path: str, draft: OrderLineDraft, candidates: list[P]) -> P | None:
        kind = draft.product.WhichOneof("product") or "id"
        path = f"{path}.{kind}"
        if kind != "id" and not self.problems.fits(
            path, getattr(draft.product, kind), self.cards.column(f"lines.product.{kind}")
        ):
            return None
        if len(candidates) > 1:
            means = f"means {len(candidates)} products: name one by its id"
            self.problems.add(path, AMBIGUOUS, means)
        elif not candidates:
            self.problems.add(path, NOT_FOUND, "there is no such product")
        return candidates[0] if len(candidates) == 1 else None

    def _refuse_product(self, path: str, product: P) -> None:
        if product.blocked:
            self.problems.add(path, INACTIVE, product.blocked)
        if product.unorderable:
            self.problems.unsupported(path, product.unorderable)

    def _refuse_warehouse(self, path: str, draft: OrderLineDraft) -> None:
        other = draft.HasField("warehouse_id") and draft.warehouse_id != str(self.terms.warehouse)
        if other and self.terms.one_warehouse:
            self.problems.unsupported(f"{path}.warehouse_id", self.terms.one_warehouse)

    def _quantity(self, path: str, quantity: Decimal) -> Decimal:
        if _scale(quantity) > _SCALE:
            self.problems.add(
                path,
                TOO_LONG,
                f"has more than {_SCALE} digits after the point (in its unit or the base unit)",
            )
        elif quantity > MOST_MONEY:
            self.problems.add(path, TOO_LONG, f"is more than the ERP holds: {MOST_MONEY}")
        return quantity

    def _unit(self, path: str, draft: OrderLineDraft, product: P) -> tuple[str, Decimal]:
        found = product.unit_named(draft.unit) if draft.HasField("unit") else None
        if found is None and draft.HasField("unit"):
            said = "the product has no such unit; GetProduct shows its units"
            self.problems.add(f"{path}.unit", NOT_FOUND, said)
        return found or (product.unit, Decimal(1))

    def _rate(
        self, path: str, draft: OrderLineDraft, product: P, rates: Sequence[VatCard]
    ) -> VatCard | None:
        if not draft.HasField("vat_code"):
            rate = next((rate for rate in rates if rate.id == product.vat), None)
            if rate is None:
                self.problems.add(path, OTHER, "the product has no VAT rate: give vat_code")
            return rate
        wanted = folded(draft.vat_code)
        found = [rate for rate in rates if folded(rate.code) == wanted and not rate.foreign]
        if len(found) != 1:
            code = AMBIGUOUS if found else NOT_FOUND
            said = "several VAT rates have this code" if found else "there is no such VAT rate"
            self.problems.add(f"{path}.vat_code", code, said)
            return None
        return found[0]

    def _price(
        self, path: str, draft: OrderLineDraft, listed: ListedPrice | None, factor: Decimal
    ) -> Decimal | None:
        path = f"{path}.price"
        kind = draft.price.WhichOneof("price")
        if kind is None:
            return None if self.terms.price_list is None else self._listed(path, listed, factor)
        price = Decimal(getattr(draft.price, kind))
        if (kind == "net") != self.terms.from_net:
            self.problems.add(
                f"{path}.{kind}", INCONSISTENT, "all prices of an order are net, or all are gross"
            )
            return None
        if self.terms.whole_grosze and _scale(price) > 2:
            self.problems.add(
                f"{path}.{kind}", TOO_LONG, "the program is set to prices of two decimals"
            )
        if price > MOST_MONEY:
            self.problems.add(
                f"{path}.{kind}", TOO_LONG, f"is more than the ERP holds: {MOST_MONEY}"
            )
        return price

    def _listed(self, path: str, found: ListedPrice | None, factor: Decimal) -> Decimal | None:
        """The price of the price list, which is per base unit."""
        net, gross, currency = found or ListedPrice(ZERO, ZERO)
        price = net if self.terms.from_net else gross
        if not price:
            self.problems.add(path, NO_PRICE, "the price list has no price for it: give one")
            return None
        if currency != "PLN":
            self.problems.unsupported(
                path, "the price list has it in another currency than PLN: give a price"
            )
            return None
        if _scale(price * factor) > _SCALE:
            self.problems.add(
                path, NO_PRICE, "the price list has none in whole parts for this unit: give one"
            )
        return price * factor

    def _discount(self, path: str, draft: OrderLineDraft, product: P) -> Decimal:
        buyer = self.terms.buyer
        if draft.HasField("discount"):
            return Decimal(draft.discount)
        if draft.HasField("price") or buyer is None:
            return ZERO
        if buyer.discount is None or product.has_discount:
            self.problems.unsupported(
                f"{path}.discount",
                "the program's discount for this product and buyer can't be told: give a discount or a price",
            )
            return ZERO
        return buyer.discount


def _scale(value: Decimal) -> int:
    """Digits after the point that matter."""
    return max(0, -int(value.normalize().as_tuple().exponent))
