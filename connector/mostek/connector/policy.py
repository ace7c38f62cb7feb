"""What may leave the site, and what may be done there."""

from __future__ import annotations

from google.protobuf.message import Message

from mostek.connector.config import PolicyConfig
from mostek.wire.failures import CommandFailure, Denied
from mostek.wire.fields import DeniedFields
from mostek.wire.operations import Operation

__all__ = ["Policy"]


class Policy:
    """The site's decisions. Asked before an operation runs, and once more of every response."""

    def __init__(self, config: PolicyConfig) -> None:
        self._fields = DeniedFields(config.deny)
        self.denied = self._fields.paths
        self._writes = config.writes
        self._share_error_text = config.share_error_text

    def allows(self, operation: Operation) -> bool:
        """Whether the operation may be run at all."""
        return self._writes or not operation.write

    def check(self, operation: Operation) -> None:
        """Raise Denied for an operation that the site does not allow."""
        if not self.allows(operation):
            raise Denied(
                f"The site allows no writes, so {operation.name} is refused; "
                "its administrator can set policy.writes = true."
            )

    def prune(self, message: Message) -> None:
        """Remove every denied field from a response, whatever the plugin put there."""
        self._fields.prune(message)

    def mute(self, failure: CommandFailure) -> None:
        """Take the ERP's own words out of a failure, unless the site shares them."""
        if not self._share_error_text:
            failure.erp_text = ""
