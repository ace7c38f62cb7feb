"""What became of everything: callers' ledger, the hub's commands and the ERP's own tables, held against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.asked import Asked, Told
from chaos.callers import TRANSIENT
from chaos.erp import Document, Erp
from mostek.admin.v1 import admin_service_pb2 as admin

__all__ = ["DOUBLED", "LOST", "MISREPORTED", "UNKNOWN", "Finding", "findings"]

LOST, DOUBLED, MISREPORTED, UNKNOWN = "lost", "doubled", "misreported", "unknown"

_WAITING = frozenset(
    (
        admin.COMMAND_STATE_RECORDED,
        admin.COMMAND_STATE_SENT,
        admin.COMMAND_STATE_IN_DOUBT,
    )
)
#: Stories whose callers do not ask until they are told that it is written.
_UNANSWERED = frozenset(("abandoned", "cancelled"))


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    kind: str
    what: str
    why: str


def findings(
    asked: Sequence[Asked],
    told: Sequence[Told],
    commands: Sequence[admin.Command],
    erps: Mapping[str, Erp],
) -> list[Finding]:
    """All that is wrong; `commands` are all that the hub has, with nothing under way any more."""
    found: list[Finding] = []
    for name, erp in erps.items():
        here = [one for one in asked if one.site == name]
        site = _Site(here, told, [c for c in commands if c.connector == name], erp)
        found += site.findings()
    return found


class _Site:
    def __init__(
        self,
        asked: Sequence[Asked],
        told: Sequence[Told],
        commands: Sequence[admin.Command],
        erp: Erp,
    ) -> None:
        self._asked = asked
        self._erp = erp
        self._told: dict[tuple[str, str], list[Told]] = defaultdict(list)
        for answer in told:
            self._told[answer.key, answer.external_number].append(answer)
        self._commands: dict[str, list[admin.Command]] = defaultdict(list)
        for command in commands:
            self._commands[command.idempotency_key].append(command)
        self._documents: dict[str, list[Document]] = defaultdict(list)
        self._all = erp.documents()
        for document in self._all:
            self._documents[document.external_number].append(document)

    def findings(self) -> Iterator[Finding]:
        for asked in self._asked:
            if asked.story == "impostor":
                judged = self._impostor(asked)
            elif asked.lines:
                judged = self._order(asked)
            else:
                judged = self._customer(asked)
            for kind, why in (*judged, *self._answers(asked), *self._ends(asked)):
                yield Finding(kind, f"{asked.site} {asked.key} ({asked.story})", why)
        yield from self._company()

    def _order(self, asked: Asked) -> Iterator[tuple[str, str]]:
        documents = self._documents[asked.external_number]
        succeeded = self._in_state(asked, admin.COMMAND_STATE_SUCCEEDED)
        if len(documents) > 1:
            yield DOUBLED, f"is in the ERP as {', '.join(d.number for d in documents)}"
        if not documents:
            if succeeded or self._oks(asked):
                yield LOST, "was reported as written and is not in the ERP"
            return
        if not succeeded and not self._in_state(asked, admin.COMMAND_STATE_UNKNOWN):
            yield MISREPORTED, "is in the ERP, and by the hub nothing was written"
        document = documents[0]
        named = {(c.erp_id, c.erp_number) for c in succeeded}
        named |= {(told.id, told.number) for told in self._oks(asked)}
        if named - {(document.id, document.number)}:
            yield MISREPORTED, f"is {document.number} in the ERP, and was reported as {named}"
        if any(told.customer != document.buyer for told in self._oks(asked)):
            yield MISREPORTED, f"the buyer is {document.buyer}, and another was reported"
        yield from self._content(asked, document)

    def _content(self, asked: Asked, document: Document) -> Iterator[tuple[str, str]]:
        if document.lines != asked.lines:
            yield MISREPORTED, f"other lines than asked for: {document.lines}"
        if document.net != asked.net or not document.adds_up:
            yield MISREPORTED, f"comes to {document.net}, not {asked.net}, or does not add up"
        if asked.tax_id:
            if document.tax_id != asked.tax_id:
                yield MISREPORTED, f"the buyer's NIP is {document.tax_id}, not {asked.tax_id}"
            yield from self._once(asked.tax_id)
        elif document.buyer != asked.buyer:
            yield MISREPORTED, f"the buyer is {document.buyer}, not {asked.buyer}"

    def _customer(self, asked: Asked) -> Iterator[tuple[str, str]]:
        customers = self._erp.customers(asked.tax_id)
        succeeded = self._in_state(asked, admin.COMMAND_STATE_SUCCEEDED)
        named = {told.id for told in self._oks(asked)} | {c.erp_id for c in succeeded}
        if named and not customers:
            yield LOST, "was reported as created and is not in the ERP"
        if customers and named - set(customers):
            yield MISREPORTED, f"is {customers} in the ERP, and was reported as {named}"
        yield from self._once(asked.tax_id)

    def _once(self, tax_id: str) -> Iterator[tuple[str, str]]:
        customers = self._erp.customers(tax_id)
        if len(customers) > 1:
            yield DOUBLED, f"the customer with NIP {tax_id} is there as {', '.join(customers)}"

    def _impostor(self, asked: Asked) -> Iterator[tuple[str, str]]:
        if self._documents[asked.external_number]:
            yield DOUBLED, "was written under the key of another order"
        if self._oks(asked):
            yield MISREPORTED, "was reported as written under the key of another order"

    def _answers(self, asked: Asked) -> Iterator[tuple[str, str]]:
        """No reason but a true one."""
        expected = {"ok", "accepted", "cancelled"} | TRANSIENT
        if asked.story == "impostor":
            expected |= {"CONFLICT"}
        # Who cancels hears it; so does who goes away.
        if asked.story in ("cancelled", "abandoned"):
            expected |= {"CANCELLED"}
        for told in self._told[asked.key, asked.external_number]:
            if told.end not in expected and not told.retriable:
                yield MISREPORTED, f"was answered {told.end}: {told.message}"

    def _ends(self, asked: Asked) -> Iterator[tuple[str, str]]:
        """What was recorded ended, and is known."""
        if asked.story == "impostor":
            return
        commands = self._commands[asked.key]
        ids = {command.id for command in commands}
        for told in self._told[asked.key, asked.external_number]:
            if told.end in ("ok", "accepted") and told.command and told.command not in ids:
                yield LOST, f"was accepted as {told.command}, which the hub does not know"
        if asked.story not in _UNANSWERED and not self._oks(asked):
            yield LOST, "was asked for again and again, and never answered as written"
        for command in commands:
            if command.state in _WAITING:
                yield LOST, f"never ended: {admin.CommandState.Name(command.state)}"
            if command.state == admin.COMMAND_STATE_UNKNOWN:
                yield UNKNOWN, f"command {command.id} has to be resolved"

    def _company(self) -> Iterator[Finding]:
        """What no single write shows."""
        expected = {asked.external_number for asked in self._asked}
        for document in self._all:
            if document.external_number not in expected:
                yield Finding(MISREPORTED, document.number, "nobody asked for it")
        for number in _repeated([document.number for document in self._all]):
            yield Finding(DOUBLED, number, "two orders have this number")
        for part in self._erp.torn():
            yield Finding(MISREPORTED, part, "what it belongs to is not there")

    def _in_state(self, asked: Asked, state: admin.CommandState.ValueType) -> list[admin.Command]:
        return [command for command in self._commands[asked.key] if command.state == state]

    def _oks(self, asked: Asked) -> list[Told]:
        answers = self._told[asked.key, asked.external_number]
        return [told for told in answers if told.end == "ok"]


def _repeated(values: Sequence[str]) -> list[str]:
    return sorted({value for value in values if values.count(value) > 1})
