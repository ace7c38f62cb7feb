"""What a caller installs: calls a connector's ERP through the hub.

    async with Client("127.0.0.1:7443") as hub:
        acme = hub.connector("acme")
        found = await acme.ListCustomers(ListCustomersRequest(text="bakery"))

Requests and responses are the messages of `mostek.erp.v1`; failures are the classes of `mostek.wire.failures`.
"""

from mostek.client.client import Client, Connector
from mostek.client.keys import idempotency_key
from mostek.client.paging import Pages, items, pages

__all__ = ["Client", "Connector", "Pages", "idempotency_key", "items", "pages"]
