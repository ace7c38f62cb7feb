"""Whatever is sent to the HTTP edge, the answer is one that `/openapi.json` announces, and never a fault of the hub."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import World

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 3}


def cases(operation: Any, mode: GenerationMode) -> list[Any]:
    """The same requests in every run."""
    made: list[Any] = []

    @settings(
        derandomize=True,
        max_examples=EXAMPLES[mode],
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        made.append(case)

    with contextlib.suppress(Unsatisfiable):
        # An operation without parameters has no bad ones.
        collect()
    return made


async def sent(http: httpx.AsyncClient, case: Any) -> httpx.Response:
    parts = case.as_transport_kwargs(base_url=str(http.base_url))
    parts["headers"] = {
        # Surrounding spaces are no part of a header's value, and the client does not send them.
        name: str(value).encode().strip()
        for name, value in parts["headers"].items()
    }
    parts.pop("cookies", None)
    data = parts.pop("data", None)
    if isinstance(data, bytes | str):
        parts["content"] = data
    return await http.request(**parts)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_every_answer_is_one_that_is_announced(world: World, mode: GenerationMode) -> None:
    async with (
        world.connector(),
        httpx.AsyncClient(base_url=f"http://{world.addresses.http}", trust_env=False) as http,
    ):
        document = (await http.get("/openapi.json")).json()
        document["servers"] = [{"url": str(http.base_url)}]
        answers: list[int] = []
        operation: Any
        for operation in openapi.from_dict(document).get_all_operations():
            for number, case in enumerate(cases(operation.ok(), mode)):
                if number % 2 and "connector" in case.path_parameters:
                    # Half of them get through to the connector.
                    case.path_parameters |= {"connector": "acme", "company": "-"}
                try:
                    response = await sent(http, case)
                except httpx.InvalidURL:
                    # Longer than this caller can send at all.
                    continue
                assert response.status_code != 500, f"{case.as_curl_command()}\n{response.text}"
                case.validate_response(
                    response, checks=CHECKS, excluded_checks=[not_a_server_error]
                )
                answers.append(response.status_code)
        expected = {200, 404} if mode is GenerationMode.POSITIVE else {400}
        assert expected <= set(answers)
