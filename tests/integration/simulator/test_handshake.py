"""What the server answers before any frame, over real sockets."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.simulator.options import Options
from app.simulator.server import serve
from app.simulator.simulator import Simulator
from tests.integration.simulator.caller import QUERY, called, target


async def refusal(url: str, headers: dict[str, str]) -> tuple[int, dict[str, Any], str]:
    """Status, body and content type of a handshake that must fail."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, additional_headers=headers, proxy=None):
            pass
    response = caught.value.response
    body: dict[str, Any] = json.loads(response.body or b"{}")
    return response.status_code, body, response.headers["Content-Type"]


async def test_a_wrong_or_missing_key_is_401_with_azures_body(simulator: Simulator) -> None:
    for headers in ({}, {"api-key": "wrong"}, {"Authorization": "Bearer wrong"}):
        status, body, kind = await refusal(target(simulator), headers)
        assert status == 401
        assert body["error"]["code"] == "401"
        assert body["error"]["message"]
        assert kind == "application/json"
    assert [record.status for record in simulator.journal.refusals] == [401, 401, 401]
    assert simulator.journal.connections == []


async def test_other_addresses_versions_and_deployments(simulator: Simulator) -> None:
    key = {"api-key": simulator.options.key}
    status, body, _ = await refusal(f"{simulator.address}/realtime?{QUERY}", key)
    assert (status, body["error"]["code"]) == (404, "404")
    other = QUERY.replace("gpt-4o-realtime-preview", "nobody")
    status, body, _ = await refusal(target(simulator, other), key)
    assert (status, body["error"]["code"]) == (404, "DeploymentNotFound")
    other = QUERY.replace("2025-04-01-preview", "2023-01-01")
    status, body, _ = await refusal(target(simulator, other), key)
    assert (status, body["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("version", ["2024-10-01-preview", "2024-12-17", "2025-04-01-preview"])
@pytest.mark.parametrize("deployment", ["gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview"])
async def test_versions_and_deployments_that_are_served(
    simulator: Simulator, version: str, deployment: str
) -> None:
    async with called(simulator, f"api-version={version}&deployment={deployment}"):
        (record,) = simulator.journal.connections
        assert (record.api_version, record.deployment) == (version, deployment)


async def test_the_journal_says_where_the_credential_stood_and_keeps_no_secret(
    nothing_left: None,
) -> None:
    options = Options(bearer_tokens=("entra-token",), pace=None)
    async with await serve(options) as simulator:
        ways: list[tuple[str, dict[str, str]]] = [
            (target(simulator), {"api-key": options.key}),
            (target(simulator, f"{QUERY}&api-key={options.key}"), {}),
            (target(simulator), {"Authorization": "Bearer entra-token"}),
            (target(simulator), {"Authorization": f"Bearer {options.key}"}),
        ]
        for url, headers in ways:
            async with connect(url, additional_headers=headers, proxy=None) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
        journal = simulator.journal
        places = [record.credential for record in journal.connections]
        assert places == ["header", "query", "bearer", "bearer"]
        assert "api-key" in journal.connections[0].header_names
        written = json.dumps(journal.describe())
        assert options.key not in written
        assert "entra-token" not in written


async def test_a_subprotocol_is_not_needed_and_realtime_is_echoed(simulator: Simulator) -> None:
    async with called(simulator) as caller:
        assert caller.socket.subprotocol is None
        response = caller.socket.response
        assert response is not None
        assert response.headers["apim-request-id"]
    offered = [Subprotocol("realtime"), Subprotocol("openai-beta.realtime-v1")]
    async with called(simulator, subprotocols=offered) as caller:
        assert caller.socket.subprotocol == "realtime"
    async with called(simulator, subprotocols=offered[1:]) as caller:
        assert caller.socket.subprotocol is None


async def test_a_request_that_is_no_websocket_is_told_so(simulator: Simulator) -> None:
    address = simulator.address.replace("ws://", "http://")
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{address}/openai/realtime?{QUERY}"
        assert (await http.get(url)).status_code == 401
        answer = await http.get(url, headers={"api-key": simulator.options.key})
        assert answer.status_code == 426
    assert [record.status for record in simulator.journal.refusals] == [401, 426]


async def test_the_control_api_shows_the_journal_to_this_machine_alone(
    simulator: Simulator,
) -> None:
    address = simulator.address.replace("ws://", "http://")
    async with called(simulator) as caller, httpx.AsyncClient(trust_env=False) as http:
        await caller.typed("my secret words")
        await caller.next()
        answer = await http.get(f"{address}/control/journal")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        (connection,) = answer.json()["connections"]
        assert connection["received"] == {"conversation.item.create": 1}
        assert connection["sent"] == {"session.created": 1, "conversation.item.created": 1}
        assert (connection["open"], connection["credential"]) == (True, "header")
        assert connection["path"] == "/openai/realtime"
        assert "secret" not in answer.text

        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            refused = await http.get(f"{address}/control/journal", headers=headers)
            assert refused.status_code == 403
        assert (await http.get(f"{address}/control/other")).status_code == 404
        assert (await http.delete(f"{address}/control/journal")).status_code == 405
        port = simulator.port
        named = await http.get(f"http://localhost:{port}/control/journal")
        assert named.status_code == 200


async def test_the_control_api_is_off_by_default(nothing_left: None) -> None:
    async with await serve(Options()) as simulator, httpx.AsyncClient(trust_env=False) as http:
        address = simulator.address.replace("ws://", "http://")
        assert (await http.get(f"{address}/control/journal")).status_code == 404


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing(simulator: Simulator) -> None:
    with pytest.raises(OSError, match="in use"):
        await serve(Options(port=simulator.port))
