"""A client names a model, and the deployment that the operator chose for it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from tests.harness.client import client
from tests.harness.process import run_in
from tests.harness.relay import Running, running_relay
from tests.harness.upstream import Upstream

ALIASES = "fast=prod-mini,best=prod-large:open"


class Resource:
    """A resource with several deployments. `asked` are the request targets, in order."""

    def __init__(
        self, broken: str = "", status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    ) -> None:
        self.broken = broken
        self.status = status
        self.asked: list[str] = []
        self.address = ""

    @property
    def deployments(self) -> list[str]:
        return [parse_qs(urlsplit(target).query)["deployment"][0] for target in self.asked]

    def judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request.path)
        if self.deployments[-1] == self.broken:
            return connection.respond(self.status, "")
        return None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with serve(
            self._talk,
            "127.0.0.1",
            0,
            process_request=self.judge,
            compression=None,
            close_timeout=1,
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.address = f"http://127.0.0.1:{port}"
            yield

    async def _talk(self, socket: ServerConnection) -> None:
        upstream = Upstream(socket)
        try:
            await upstream.greet()
            await upstream.drain()
        except ConnectionClosed:
            pass


async def model_shown(relay: Running, query: str, user: str = "tester") -> str:
    path = f"/openai/realtime{query}"
    async with client(relay.address, path=path, user=user) as me:
        return str((await me.until("session.created"))["session"]["model"])


async def test_each_alias_is_dialled_at_its_deployment_and_shown_as_it_was_asked_for() -> None:
    resource = Resource()
    async with resource.serving():
        async with running_relay(resource.address, model_aliases=ALIASES, profile="open") as relay:
            for query in (
                "?model=fast&secret=hunter2",
                "?deployment=best",
                "?model=unheard-of",
                "",
            ):
                shown = await model_shown(relay, query)
                assert shown == query.partition("=")[2].partition("&")[0] or not query
                await relay.idle()
        usual = resource.deployments[-1]
        assert resource.deployments == ["prod-mini", "prod-large", usual, usual]
        assert usual not in ("", "unheard-of")
        assert "hunter2" not in str(resource.asked)
        assert [line["deployment"] for line in relay.closed()] == resource.deployments


async def test_an_alias_that_is_not_for_the_profile_is_never_dialled() -> None:
    resource = Resource()
    async with resource.serving():
        async with running_relay(resource.address, model_aliases=ALIASES) as relay:
            with pytest.raises(InvalidStatus) as refused:
                await model_shown(relay, "?model=best")
            assert refused.value.response.status_code == 403
            assert b"'best'" in (refused.value.response.body or b"")
            assert resource.asked == []


async def test_a_deployment_that_fails_does_not_keep_others_from_answering() -> None:
    resource = Resource(broken="prod-mini")
    async with resource.serving():
        async with running_relay(resource.address, model_aliases=ALIASES) as relay:

            async def fails(number: int) -> int:
                try:
                    async with client(
                        relay.address, path="/ws?model=fast", user=f"user{number}"
                    ) as me:
                        return (await me.rest())[1]
                except InvalidStatus as refused:
                    return refused.response.status_code

            told = await asyncio.gather(*(fails(number) for number in range(5)))
            assert set(told) <= {4001, 503}
            assert any(line["event"] == "breaker.opened" for line in relay.lines)
            assert await fails(9) == 503, "the door knows"
            assert await model_shown(relay, "?model=usual", "another") == "usual"


async def checked(resource: Resource, **more: str) -> tuple[int, str]:
    usual = {
        "RELAY_UPSTREAM": "embedded",
        "RELAY_EMBEDDED_ADDRESS": resource.address,
        "RELAY_EMBEDDED_KEY": "key",
        "RELAY_AUTH": "dev",
    }
    status, out, err = await run_in(usual | more, "check")
    assert "Traceback" not in out + err
    return status, out


async def test_check_tries_each_deployment_that_an_alias_names_once() -> None:
    resource = Resource()
    async with resource.serving():
        aliases = ALIASES + ",quick=prod-mini"
        status, out = await checked(resource, RELAY_MODEL_ALIASES=aliases, RELAY_POLICY="open")
    assert status == 0, out
    usual = resource.deployments[0]
    assert sorted(resource.deployments[1:]) == ["prod-large", "prod-mini"]
    assert usual not in {"prod-large", "prod-mini"}
    for alias in ("fast", "best"):
        assert f"✓ configuration of profile open for alias {alias}" in out
    assert "alias quick" not in out


async def test_check_names_the_alias_whose_deployment_does_not_answer() -> None:
    resource = Resource(broken="prod-large", status=HTTPStatus.NOT_FOUND)
    async with resource.serving():
        status, out = await checked(resource, RELAY_MODEL_ALIASES=ALIASES)
    assert status == 1
    assert "✓ configuration of profile guided for alias fast" in out
    assert "✗ dial for alias best: upstream_refused" in out
    assert "No deployment 'prod-large' there: check RELAY_MODEL_ALIASES." in out
