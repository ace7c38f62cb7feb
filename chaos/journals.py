"""Whether the sites' journals are whole after all that, and tell of every write that the hub had an answer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from chaos.verdict import MISREPORTED, Finding
from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.connector.journal import journal_folder, verify
from mostek.connector.journal.files import entries_of

__all__ = ["journal_findings"]


def journal_findings(
    states: Mapping[str, Path],
    connectors: Sequence[admin.Connector],
    commands: Sequence[admin.Command],
) -> Iterator[Finding]:
    """What is wrong. `states`: the state folder of each instance, by the site's name, a dash and a number."""
    answered: defaultdict[str, set[str]] = defaultdict(set)
    for name, state in states.items():
        folder = journal_folder(state)
        for fault in verify(folder).faults:
            yield Finding(MISREPORTED, name, f"journal: {fault}")
        entries = (entry for _, entry in entries_of(folder) if entry.get("outcome") == "ok")
        answered[name.rpartition("-")[0]].update(str(entry["command_id"]) for entry in entries)
    for connector in connectors:
        for journal in connector.journals:
            if journal.fault:
                yield Finding(MISREPORTED, connector.name, f"journal: {journal.fault}")
    for command in commands:
        succeeded = command.state == admin.COMMAND_STATE_SUCCEEDED
        if succeeded and command.id not in answered[command.connector]:
            yield Finding(MISREPORTED, command.id, "succeeded, and no journal of its site has it")
