"""The HTTP side of the API: routes, exports and an OpenAPI document, derived from the contract."""

from mostek.hub.http.app import create_app

__all__ = ["create_app"]
