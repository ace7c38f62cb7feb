"""What sites ask the API host for: the authority, the first certificate, the next one. No caller's key is needed."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from mostek.hub.http import json
from mostek.hub.pki.enrolment import Enrolment
from mostek.link.v1.enrolment_pb2 import ChallengeRequest, EnrollRequest, RenewRequest

__all__ = ["enrolment_routes"]

_Respond = Callable[[Request], Awaitable[Response]]


def enrolment_routes(
    enrolment: Enrolment, body: Callable[[Request], Awaitable[bytes]]
) -> list[tuple[str, str, _Respond]]:
    """Path, method and what answers. `body` reads a request's body."""

    def posted(request: type[Message], answer: Callable[[Any, str], Any]) -> _Respond:
        async def respond(http: Request) -> Response:
            message = request()
            json.read(await body(http), message, "request")
            response = answer(message, http.client.host if http.client else "")
            if inspect.isawaitable(response):
                response = await response
            headers = {"cache-control": "no-store"}
            return Response(json.encoded(response), 200, headers, "application/json")

        return respond

    async def authority(http: Request) -> Response:
        return Response(enrolment.anchors, 200, media_type="application/pem-certificate-chain")

    return [
        ("/v1/ca", "GET", authority),
        ("/v1/enroll", "POST", posted(EnrollRequest, enrolment.enroll)),
        (
            "/v1/challenge",
            "POST",
            posted(ChallengeRequest, lambda _, peer: enrolment.challenge(peer)),
        ),
        ("/v1/renew", "POST", posted(RenewRequest, enrolment.renew)),
    ]
