"""No credential reaches any output of the process, wherever it stood, at the lowest log level."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.harness.process import Command, environment, run_to_listening
from tests.harness.upstream import Upstream, scripted_upstream
from tests.integration.auth.faulty_issuer import FaultyIssuer
from tests.unit.auth.issuing import AUDIENCE, claims, sign

pytestmark = pytest.mark.timeout(90)


async def listening(upstream: Upstream) -> None:
    await upstream.greet()
    await upstream.drain()


class Secrets:
    """Fresh tokens, good and bad, and whatever else must not be seen. Each is used once."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self.made: list[str] = []

    def token(self, seconds: float = 600.0) -> str:
        exp = time.time() + seconds + len(self.made) / 1000
        self.made.append(sign(claims(iss=self._issuer, exp=exp, iat=1, nbf=1)))
        return self.made[-1]

    def keep(self, value: str) -> str:
        self.made.append(value)
        return value

    def needles(self) -> Iterator[str]:
        """What to look for: of a token also each of its parts."""
        for secret in self.made:
            yield secret
            yield quote(secret, safe="")
            yield from (part for part in secret.split(".") if len(part) > 40)


async def visit(address: str, path: str, **how: Any) -> None:
    """One connection; what comes of it is not the question here."""
    update = how.pop("update", None)
    with suppress(InvalidHandshake, ConnectionClosed, TimeoutError):
        async with connect(address + path, proxy=None, close_timeout=1, **how) as socket:
            async with asyncio.timeout(2):
                await socket.recv()
                if update is not None:
                    await socket.recv()  # relay.session
                    await socket.send(update)
                    await socket.recv()


async def show_everywhere(command: Command, secrets: Secrets) -> None:
    address = command.address.replace("http://", "ws://").rstrip("/")
    offered = [Subprotocol("realtime"), Subprotocol("relay-events.v1")]
    async with httpx.AsyncClient(trust_env=False, base_url=command.address) as http:
        for path in ("/tickets", "/v1/realtime/client_secrets", "/openai/realtime/sessions"):
            answer = await http.post(path, headers={"api-key": secrets.token()})
            told = answer.json()
            ticket = secrets.keep(told.get("client_secret", told)["value"])
            key = Subprotocol(f"openai-insecure-api-key.{ticket}")
            await visit(address, "/ws", subprotocols=[*offered, key])
            await visit(address, "/ws", subprotocols=[*offered, key])  # spent
            await http.post(f"{path}?api-key={secrets.token()}")
            await http.post(path, headers={"Authorization": f"Bearer {secrets.token(-500)}"})
        await http.get(f"/ws?api-key={secrets.token()}")
        await http.get(f"/nowhere?Authorization=Bearer+{secrets.token()}")
    for token in (secrets.token(), secrets.token(-500), secrets.token()[:-9] + "AAAAAAAAA"):
        await visit(address, f"/openai/realtime?api-key={token}")
        await visit(address, f"/ws?Authorization=Bearer+{token}", origin="https://evil.test")
        await visit(address, f"/nowhere?api-key={token}")
        await visit(address, f"/ws?call_id={token}", additional_headers={"api-key": token})
        await visit(address, "/realtime", additional_headers={"Authorization": f"Bearer {token}"})
        await visit(address, "/v1/realtime", additional_headers={"api-key": token})
    for text in ('{"type":"relay.identity.update","token":"%s"}', '{"token":"%s"', '"%s"'):
        for token in (secrets.token(), secrets.token(-500)):
            headers = {"Authorization": f"Bearer {secrets.token()}"}
            await visit(
                address, "/ws", subprotocols=offered, additional_headers=headers,
                update=text % token,
            )  # fmt: skip


@pytest.mark.parametrize("query_credentials", ["false", "true"])
async def test_no_output_of_the_process_holds_a_credential(query_credentials: str) -> None:
    issuer = FaultyIssuer()
    async with issuer.serving() as trusted, scripted_upstream(listening) as upstream:
        secrets = Secrets(trusted)
        environ = environment(
            RELAY_LOG_FORMAT="json",
            RELAY_LOG_LEVEL="debug",
            RELAY_PORT="0",
            RELAY_UPSTREAM="embedded",
            RELAY_EMBEDDED_ADDRESS=upstream.address,
            RELAY_EMBEDDED_KEY=secrets.keep("scripted-upstream-key-0123456789"),
            RELAY_AUTH="oidc",
            RELAY_OIDC_ISSUER=trusted,
            RELAY_OIDC_AUDIENCE=AUDIENCE,
            RELAY_QUERY_CREDENTIALS=query_credentials,
            RELAY_OPENINGS_PER_MINUTE="1000",
            RELAY_MAX_SESSIONS_PER_USER="100",
            RELAY_DRAIN_SECONDS="0",
            PYTHONASYNCIODEBUG="1",
        )
        async with run_to_listening("serve", environ) as command:
            await show_everywhere(command, secrets)
        output = "".join([*command.stdout, *command.stderr])
        rules = {str(line["rule"]) for line in command.lines("door.refused")}
        if query_credentials == "false":
            assert "credential.query" in rules
        assert {"ticket.unknown", "token.expired", "path.unknown"} <= rules
        verdicts = [line["verdicts"] for line in command.lines("session.closed")]
        assert {"identity-updated": 1} in verdicts
        assert {"identity-invalid": 1} in verdicts
        assert {"malformed": 1} in verdicts
        found = [secret for secret in secrets.needles() if secret in output]
        assert not found, [line for line in output.splitlines() if found[0] in line][:3]
