"""Credentials where SDKs put them, on the paths that SDKs build, over real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.auth.principal import Principal
from app.auth.tickets import Minted
from app.policy.policy import Profile
from app.protocol.names import Dialect
from app.session.models import ModelAlias, Models
from app.web.models import model_chooser
from app.web.realtime import PATHS
from tests.integration.web.peers import LISTED, build
from tests.integration.web.served import serve
from tests.integration.web.test_realtime import (
    ALICE,
    BEARER,
    KEY,
    dial,
    next_event,
    refused_by_event,
    refused_by_status,
)

API_KEY = ("api-key", "dev-alice")
PREVIEW = ("OpenAI-Beta", "realtime=v1")
IN_QUERY = (
    "api-key=dev-alice",
    "Authorization=Bearer+dev-alice",
    "authorization=Bearer%20dev-alice",
)

MODELS = Models(
    [
        ModelAlias("fast", "prod-mini"),
        ModelAlias("best", "prod-large", frozenset({Profile.OPEN, Profile.LOCKED})),
    ]
)


def by_name(principal: Principal) -> Profile:
    """Users are called as their profiles are."""
    return Profile(principal.user) if principal.user in set(Profile) else Profile.GUIDED


class TestPlaces:
    async def test_azures_header_opens_the_door(self) -> None:
        built = build()
        async with serve(built) as served, dial(served, headers=[API_KEY]) as client:
            assert await next_event(client) == {"type": "session.created"}
        assert built.sessions.opened[0][0] == ALICE

    async def test_a_ticket_may_stand_in_azures_header(self) -> None:
        built = build()
        minted = await built.tickets.mint(ALICE, None)
        assert isinstance(minted, Minted)
        async with serve(built) as served:
            async with dial(served, headers=[("api-key", minted.value)]) as client:
                assert await next_event(client) == {"type": "session.created"}

    @pytest.mark.parametrize(
        "how",
        [
            {"headers": [BEARER, API_KEY]},
            {"headers": [API_KEY, API_KEY]},
            {"headers": [API_KEY], "subprotocols": ("realtime", f"{KEY}dev-alice")},
            {"headers": [BEARER], "path": "/ws?api-key=dev-alice"},
            {"path": "/ws?api-key=dev-alice&Authorization=Bearer+dev-alice"},
            {"path": "/ws?api-key=dev-alice&api-key=dev-alice"},
        ],
    )
    async def test_two_places_at_once_are_refused(self, how: dict[str, Any]) -> None:
        built = build(query_credentials=True)
        refused = refused_by_event if "subprotocols" in how else refused_by_status
        async with serve(built) as served:
            error = (await refused(served, **how))[2]
        assert "more than one credential" in error["message"]
        assert built.sessions.opened == []

    @pytest.mark.parametrize("query", IN_QUERY)
    async def test_the_query_is_refused_with_a_better_place(self, query: str) -> None:
        built = build()
        async with serve(built) as served:
            status, _, error = await refused_by_status(served, path=f"/openai/realtime?{query}")
            assert status == 401
            code, _, told = await refused_by_event(
                served, path=f"/ws?{query}", headers=[("Origin", LISTED)]
            )
            assert code == 4500
        assert told["message"] == error["message"]
        assert f"{KEY}..." in error["message"]
        assert "RELAY_QUERY_CREDENTIALS" in error["message"]
        assert "alice" not in json.dumps([error, told])
        assert built.sessions.opened == []

    @pytest.mark.parametrize("query", IN_QUERY)
    async def test_the_query_opens_the_door_where_the_operator_allows_it(self, query: str) -> None:
        built = build(query_credentials=True)
        path = f"/openai/realtime?deployment=d&{query}&x-ms-client-request-id=1"
        async with serve(built) as served:
            async with dial(served, path, headers=[("Origin", LISTED)]) as client:
                assert await next_event(client) == {"type": "session.created"}
        assert built.sessions.opened[0][0] == ALICE

    async def test_an_sdk_without_a_key_is_told_so(self) -> None:
        offered = ("realtime", f"{KEY}null", "openai-beta.realtime-v1")
        async with serve(build()) as served:
            code, _, error = await refused_by_event(served, subprotocols=offered)
        assert (code, error["code"]) == (4500, "invalid_api_key")
        assert "was given no key" in error["message"]


class TestPaths:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("spelling", ["{}", "{}/", "/{}", "/{}/"])
    async def test_every_path_that_an_sdk_builds_is_the_door(
        self, path: str, spelling: str
    ) -> None:
        built = build()
        address = f"{spelling.format(path)}?model=gpt-4o&call=1&future=x"
        async with serve(built) as served:
            async with dial(served, address, headers=[API_KEY, PREVIEW]) as client:
                assert await next_event(client) == {"type": "session.created"}
        assert built.sessions.opened[0][1].dialect is Dialect.PREVIEW
        assert built.sessions.opened[0][1].model == "gpt-4o"

    @pytest.mark.parametrize("path", ["/v1/realtime", "/openai/v1/realtime", "//v1/realtime/"])
    async def test_a_client_of_the_other_dialect_is_refused_in_words(
        self, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.web.realtime.SERVED", frozenset({Dialect.PREVIEW}))
        built = build()
        async with serve(built) as served:
            status, _, error = await refused_by_status(served, path=path, headers=[BEARER])
            assert status == 400
            code, _, told = await refused_by_event(
                served, path=path, subprotocols=("realtime", f"{KEY}dev-alice")
            )
            assert code == 4506
        assert "OpenAI-Beta: realtime=v1" in error["message"]
        assert told["message"] == error["message"]
        assert built.sessions.opened == []

    @pytest.mark.parametrize(
        ("path", "headers", "subprotocols", "dialect"),
        [
            ("/v1/realtime", [], (), Dialect.GA),
            ("/openai/v1/realtime/", [("OpenAI-Beta", "assistants=v2")], (), Dialect.GA),
            ("/v1/realtime", [("OpenAI-Beta", "a=b, realtime=v1")], (), Dialect.PREVIEW),
            ("/v1/realtime", [("OpenAI-Beta", "x"), PREVIEW], (), Dialect.PREVIEW),
            ("/v1/realtime", [], ("realtime", "openai-beta.realtime-v1"), Dialect.PREVIEW),
            ("/openai/realtime", [], (), Dialect.PREVIEW),
            ("/realtime", [], ("realtime",), Dialect.PREVIEW),
            ("/ws", [], (), Dialect.PREVIEW),
        ],
    )
    async def test_the_handshake_says_which_dialect_a_client_speaks(
        self,
        path: str,
        headers: list[tuple[str, str]],
        subprotocols: tuple[str, ...],
        dialect: Dialect,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("app.web.realtime.SERVED", frozenset(Dialect))
        built = build()
        async with serve(built) as served:
            how: dict[str, Any] = {"headers": [BEARER, *headers], "subprotocols": subprotocols}
            async with dial(served, path, **how) as client:
                await next_event(client)
        assert built.sessions.opened[0][1].dialect is dialect


class TestModels:
    @pytest.mark.parametrize(
        ("user", "query", "model", "deployment"),
        [
            ("guided", "?model=fast", "fast", "prod-mini"),
            ("guided", "?deployment=fast&model=other", "fast", "prod-mini"),
            ("open", "?model=best", "best", "prod-large"),
            ("guided", "?model=gpt-4o-2024-10-01", "gpt-4o-2024-10-01", ""),
            ("guided", "?model=prod-large", "prod-large", ""),
            ("guided", "?model=FAST", "FAST", ""),
            ("guided", "", None, ""),
        ],
    )
    async def test_an_alias_chooses_the_deployment_and_any_other_name_the_usual_one(
        self, user: str, query: str, model: str | None, deployment: str
    ) -> None:
        built = build(deployment=model_chooser(MODELS, by_name))
        headers = [("Authorization", f"Bearer dev-{user}")]
        async with serve(built) as served, dial(served, f"/ws{query}", headers=headers) as client:
            await next_event(client)
        opening = built.sessions.opened[0][1]
        assert (opening.model, opening.deployment) == (model, deployment)

    async def test_an_alias_of_another_profile_is_refused_in_words(self) -> None:
        built = build(deployment=model_chooser(MODELS, by_name))
        async with serve(built) as served:
            status, _, error = await refused_by_status(
                served, path="/openai/realtime?deployment=best", headers=[BEARER]
            )
            assert status == 403
            code, _, told = await refused_by_event(
                served, path="/ws?model=best", subprotocols=("realtime", f"{KEY}dev-alice")
            )
            assert code == 4506
        assert "'best'" in error["message"]
        assert "'guided'" in error["message"]
        assert "prod-large" not in json.dumps([error, told])
        assert built.sessions.opened == []

    async def test_a_ticket_brings_its_model_along_and_the_handshake_may_name_another(self) -> None:
        built = build(deployment=model_chooser(MODELS, by_name))
        async with serve(built) as served:
            for path, deployment in [("/ws", "prod-mini"), ("/ws?model=other", "")]:
                minted = await built.tickets.mint(ALICE, None, model="fast")
                assert isinstance(minted, Minted)
                async with dial(served, path, headers=[("api-key", minted.value)]) as client:
                    await next_event(client)
                assert built.sessions.opened[-1][1].deployment == deployment
