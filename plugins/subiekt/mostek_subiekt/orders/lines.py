"""The lines of a draft: product, unit, quantity, price, discount and VAT of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mostek.erp.v1.order_pb2 import OrderLineDraft
from mostek.plugin.orders.amounts import MOST_MONEY, ZERO, line_amounts, other_price
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
from mostek_subiekt.orders.customers import Customer
from mostek_subiekt.orders.plan import PlannedLine
from mostek_subiekt.orders.products import GOODS, SERVICE, SET, Product, Products, Rate, Rates
from mostek_subiekt.orders.rows import Rows

__all__ = ["Lines", "counted_from_net"]

_SCALE = 4
_KINDS = {GOODS, SERVICE, SET}


def counted_from_net(lines: Sequence[OrderLineDraft], default: bool) -> bool:
    """What the order is counted from: net if the first price given is net."""
    kinds = (line.price.WhichOneof("price") for line in lines if line.HasField("price"))
    first = next(kinds, None)
    return default if first is None else first == "net"


@dataclass(frozen=True)
class Lines:
    """Plans the lines of one order; what is wrong goes to `problems`."""

    rows: Rows
    problems: Problems
    from_net: bool
    #: Price level 1 to 10; 0 if there is none, None if the draft's was refused.
    level: int | None
    warehouse: int
    buyer: Customer | None
    #: Whether the program limits prices to whole grosze (dkp_CenyPrecyzjaZwykla).
    whole_grosze: bool

    def plan(
        self, drafts: Sequence[OrderLineDraft]
    ) -> tuple[list[Product | None], list[PlannedLine | None]]:
        """For each line its product, None if there is none, and its plan, None if it has a problem."""
        products = Products(self.rows)
        chosen = [
            self._product(f"lines[{n}].product", draft, candidates)
            for n, (draft, candidates) in enumerate(
                zip(drafts, products.find([d.product for d in drafts]), strict=True)
            )
        ]
        known = [product for product in chosen if product]
        prices = products.prices(known, self.level) if self.level else {}
        rates = Rates(self.rows)
        return chosen, [
            self._line(f"lines[{n}]", draft, product, prices, rates)
            for n, (draft, product) in enumerate(zip(drafts, chosen, strict=True))
        ]

    def _line(
        self,
        path: str,
        draft: OrderLineDraft,
        product: Product | None,
        prices: dict[int, tuple[Decimal, Decimal, str]],
        rates: Rates,
    ) -> PlannedLine | None:
        before = len(self.problems.found)
        remark = self._remark(path, draft)
        self._refuse_warehouse(path, draft)
        quantity = self._quantity(f"{path}.quantity", Decimal(draft.quantity))
        if product is None:
            return None
        self._refuse_kind(f"{path}.product.{draft.product.WhichOneof('product')}", product)
        unit, factor = self._unit(path, draft, product)
        base = quantity * factor
        if factor != 1:
            self._quantity(f"{path}.quantity", base)
        rate = self._rate(path, draft, product, rates)
        price = self._price(path, draft, product, prices, factor)
        discount = self._discount(path, draft, product)
        if len(self.problems.found) > before or rate is None or price is None:
            return None
        other = other_price(price, rate.percent, from_net=self.from_net)
        amounts = line_amounts(quantity, price, discount, rate.percent, from_net=self.from_net)
        if max(amounts.gross, base, other) > MOST_MONEY:
            self.problems.add(path, TOO_LONG, f"comes to more than the ERP holds: {MOST_MONEY}")
            return None
        self._warn(path, product)
        return PlannedLine(
            product=product,
            quantity=quantity,
            unit=unit,
            base_quantity=base,
            net_price=price if self.from_net else other,
            gross_price=other if self.from_net else price,
            from_price_list=not draft.HasField("price"),
            discount=discount,
            rate=rate,
            amounts=amounts,
            remark=remark,
        )

    def _product(
        self, path: str, draft: OrderLineDraft, candidates: list[Product]
    ) -> Product | None:
        kind = draft.product.WhichOneof("product") or "id"
        path = f"{path}.{kind}"
        if kind != "id":
            before = len(self.problems.found)
            self.problems.text(path, getattr(draft.product, kind), "varchar(20)")
            if len(self.problems.found) > before:
                return None
        if len(candidates) != 1:
            self._refuse_product(path, len(candidates))
            return None
        return candidates[0]

    def _refuse_product(self, path: str, how_many: int) -> None:
        if how_many:
            self.problems.add(path, AMBIGUOUS, f"means {how_many} products: name one by its id")
        else:
            self.problems.add(path, NOT_FOUND, "there is no such product")

    def _refuse_kind(self, path: str, product: Product) -> None:
        if product.blocked:
            self.problems.add(path, INACTIVE, "the product is withdrawn (zablokowany)")
        if product.kind not in _KINDS:
            self.problems.unsupported(
                path, "returnable packaging and fees can't be ordered by direct SQL"
            )

    def _remark(self, path: str, draft: OrderLineDraft) -> str:
        kind = self.rows.type_of("dok_Pozycja", "ob_Opis")
        return self.problems.text(f"{path}.remark", draft.remark, kind)

    def _refuse_warehouse(self, path: str, draft: OrderLineDraft) -> None:
        if draft.HasField("warehouse_id") and draft.warehouse_id != str(self.warehouse):
            self.problems.unsupported(
                f"{path}.warehouse_id",
                "Subiekt GT has one warehouse for the whole order: give `warehouse_id` of the order",
            )

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

    def _unit(self, path: str, draft: OrderLineDraft, product: Product) -> tuple[str, Decimal]:
        found = product.unit_named(draft.unit) if draft.HasField("unit") else None
        if found is None and draft.HasField("unit"):
            known = ", ".join(name for name, _ in product.units.values())
            self.problems.add(
                f"{path}.unit", NOT_FOUND, f"the product has no such unit; it has {known}"
            )
        return found or (product.unit, Decimal(1))

    def _rate(
        self, path: str, draft: OrderLineDraft, product: Product, rates: Rates
    ) -> Rate | None:
        if not draft.HasField("vat_code"):
            rate = rates.by_id(product.vat_id)
            if rate is None:
                self.problems.add(path, OTHER, "the product has no VAT rate: give vat_code")
            return rate
        found = rates.by_code(draft.vat_code)
        if len(found) != 1:
            code = AMBIGUOUS if found else NOT_FOUND
            said = "several VAT rates have this code" if found else "there is no such VAT rate"
            self.problems.add(f"{path}.vat_code", code, said)
            return None
        return found[0]

    def _price(
        self,
        path: str,
        draft: OrderLineDraft,
        product: Product,
        prices: dict[int, tuple[Decimal, Decimal, str]],
        factor: Decimal,
    ) -> Decimal | None:
        path = f"{path}.price"
        kind = draft.price.WhichOneof("price")
        if kind is None:
            listed = prices.get(product.id)
            return None if self.level is None else self._listed(path, listed, factor)
        price = Decimal(getattr(draft.price, kind))
        if (kind == "net") != self.from_net:
            self.problems.add(
                f"{path}.{kind}", INCONSISTENT, "all prices of an order are net, or all are gross"
            )
            return None
        if self.whole_grosze and _scale(price) > 2:
            self.problems.add(
                f"{path}.{kind}", TOO_LONG, "the program is set to prices of two decimals"
            )
        if price > MOST_MONEY:
            self.problems.add(
                f"{path}.{kind}", TOO_LONG, f"is more than the ERP holds: {MOST_MONEY}"
            )
        return price

    def _listed(
        self, path: str, found: tuple[Decimal, Decimal, str] | None, factor: Decimal
    ) -> Decimal | None:
        """The price of the price list, which is per base unit."""
        net, gross, currency = found or (ZERO, ZERO, "PLN")
        price = net if self.from_net else gross
        if not price:
            self.problems.add(path, NO_PRICE, "the price list has no price for it: give one")
            return None
        if currency != "PLN":
            self.problems.unsupported(
                path, f"the price list has it in {currency}, and orders are in PLN: give a price"
            )
            return None
        if _scale(price * factor) > _SCALE:
            self.problems.add(
                path, NO_PRICE, "the price list has none in whole parts for this unit: give one"
            )
        return price * factor

    def _discount(self, path: str, draft: OrderLineDraft, product: Product) -> Decimal:
        if draft.HasField("discount"):
            return Decimal(draft.discount)
        if draft.HasField("price") or self.buyer is None:
            return ZERO
        if self.buyer.discount is None or product.has_discount:
            self.problems.unsupported(
                f"{path}.discount",
                "the program's discount for this product and buyer can't be told: give a discount or a price",
            )
            return ZERO
        return self.buyer.discount

    def _warn(self, path: str, product: Product) -> None:
        for added in product.added:
            self.problems.warn(
                f"{path}.product",
                f"the program adds {added} to such a product, direct SQL does not",
            )


def _scale(value: Decimal) -> int:
    """Digits after the point that matter."""
    return max(0, -int(value.normalize().as_tuple().exponent))
