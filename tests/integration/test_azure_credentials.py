"""`serve`, set up as for Azure, against an upstream that demands each of the three credentials."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

import pytest

from tests.harness.client import client
from tests.harness.embedded import embedded
from tests.harness.process import Command, environment, run_to_listening

TOKEN = "entra-token-for-the-relay"
RESOURCE = {
    "AZURE_OPENAI_DEPLOYMENT": "gpt-4o-realtime-preview",
    "AZURE_OPENAI_API_VERSION": "2024-12-17",
    "RELAY_AUTH": "dev",
    "RELAY_PORT": "0",
    "RELAY_LOG_FORMAT": "json",
}


@asynccontextmanager
async def identity_endpoint() -> AsyncIterator[tuple[str, list[str]]]:
    """The managed identity's endpoint of App Service, as azure-identity asks it; its requests."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        body = json.dumps(
            {
                "access_token": TOKEN,
                "expires_on": str(int(time.time()) + 3600),
                "resource": "https://cognitiveservices.azure.com",
                "token_type": "Bearer",
            }
        )
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            f"\r\nConnection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/msi/token", asked
    finally:
        server.close()
        await server.wait_closed()


async def converse(relay: Command) -> None:
    """One typed turn, answered."""
    async with client(relay.address.replace("http://", "ws://")) as me:
        await me.until("session.created")
        await me.say("Hello")
        await me.until("response.done")


async def test_entra_with_a_managed_identity_shows_its_token_as_a_bearer() -> None:
    async with (
        identity_endpoint() as (endpoint, asked),
        embedded(bearer_tokens=(TOKEN,), key_as_bearer=False) as upstream,
        run_to_listening(
            "serve",
            environment(
                AZURE_OPENAI_ENDPOINT=upstream.address,
                RELAY_ENTRA_CREDENTIAL="managed",
                IDENTITY_ENDPOINT=endpoint,
                IDENTITY_HEADER="of-the-platform",
                **RESOURCE,
            ),
        ) as relay,
    ):
        await converse(relay)
        await converse(relay)
        first, second = upstream.journal.connections
        assert (first.credential, second.credential) == ("bearer", "bearer")
        assert first.api_version == "2024-12-17"
        assert len(asked) == 1, "one token serves every session"
        assert "resource=https://cognitiveservices.azure.com" in unquote(asked[0])
        assert TOKEN not in "".join(relay.stderr + relay.stdout)


@pytest.mark.parametrize(
    ("mode", "place"), [("api-key-header", "header"), ("api-key-query", "query")]
)
async def test_an_api_key_stands_where_the_operator_wants_it(mode: str, place: str) -> None:
    async with (
        embedded(key_as_bearer=False) as upstream,
        run_to_listening(
            "serve",
            environment(
                AZURE_OPENAI_ENDPOINT=upstream.address,
                AZURE_OPENAI_API_KEY=upstream.key,
                RELAY_UPSTREAM_AUTH=mode,
                **RESOURCE,
            ),
        ) as relay,
    ):
        await converse(relay)
        assert upstream.journal.connections[0].credential == place
        assert upstream.key not in "".join(relay.stderr + relay.stdout)


async def test_a_wrong_key_ends_the_session_as_the_operators_fault_and_says_so_in_the_log() -> None:
    async with (
        embedded() as upstream,
        run_to_listening(
            "serve",
            environment(
                AZURE_OPENAI_ENDPOINT=upstream.address,
                AZURE_OPENAI_API_KEY="not-the-key-of-this-resource",
                RELAY_UPSTREAM_AUTH="api-key-header",
                **RESOURCE,
            ),
        ) as relay,
    ):
        async with client(relay.address.replace("http://", "ws://")) as me:
            events, code, text = await me.rest()
        assert (code, text) == (4510, "The service is not set up correctly.")
        assert [event["error"]["code"] for event in events] == ["server_error"]
        (failed,) = relay.lines("dial.failed")
        assert "401" in str(failed["detail"])
