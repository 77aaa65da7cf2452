"""The door's HTTP side: tickets, health, the page, and what is said where nothing is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

import app.web
from app.auth.principal import Principal
from app.auth.tickets import Redeemed
from app.web.assets import load_assets
from tests.integration.web.peers import LISTED, Built, SilentAuthenticator, build, page_folder
from tests.integration.web.served import serve

ALICE = ("Authorization", "Bearer dev-alice")


def client_of(built: Built) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=built.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8080")


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return build(page=page_folder(tmp_path))


@pytest.fixture
async def client(built: Built) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(built) as client:
        yield client


def error(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"type", "code", "message"}
    found: dict[str, Any] = body["error"]
    return found


class TestTickets:
    async def test_a_ticket_comes_with_what_the_session_will_be(
        self, client: httpx.AsyncClient, built: Built
    ) -> None:
        response = await client.post("/tickets", headers=[ALICE])
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        told = response.json()
        value = told.pop("value")
        assert told == {"expires_at": 1_700_000_030, "session": {"v": 1}, "relay": {"p": "x"}}
        assert await built.tickets.redeem(value, None) == Redeemed(Principal("alice", "dev"))

    async def test_a_ticket_is_bound_to_the_origin_that_asked(
        self, client: httpx.AsyncClient, built: Built
    ) -> None:
        response = await client.post("/tickets", headers=[ALICE, ("Origin", LISTED)])
        answer = await built.tickets.redeem(response.json()["value"], "http://localhost:8080")
        assert not isinstance(answer, Redeemed)

    @pytest.mark.parametrize("body", [b"", b"{}", b" {\n} "])
    async def test_an_empty_body_or_object_is_fine(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        assert (await client.post("/tickets", headers=[ALICE], content=body)).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [b"[]", b"null", b"{", b"\xff", b'{"\xff":1}', b"{}{}", b"[" * 8000, b'{"a":' * 2000],
    )
    async def test_another_body_is_refused_in_words(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        response = await client.post("/tickets", headers=[ALICE], content=body)
        assert response.status_code == 400
        assert error(response)["code"] == "invalid_body"

    async def test_unknown_fields_are_named(self, client: httpx.AsyncClient) -> None:
        response = await client.post(
            "/tickets", headers=[ALICE], json={"session": {}, "x" * 900: 1}
        )
        assert response.status_code == 400
        assert "'session'" in error(response)["message"]
        assert len(error(response)["message"]) < 300

    @pytest.mark.parametrize("size", [16 * 1024 + 1, 300_000, 3_000_000])
    async def test_a_big_body_is_refused(self, client: httpx.AsyncClient, size: int) -> None:
        response = await client.post("/tickets", headers=[ALICE], content=b" " * size)
        assert response.status_code == 413
        assert "16384" in error(response)["message"]

    async def test_a_body_of_exactly_the_limit_is_read(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/tickets", headers=[ALICE], content=b" " * (16 * 1024))
        assert response.status_code == 200

    async def test_a_body_that_never_ends_is_given_up(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.web.tickets.BODY_SECONDS", 0.05)

        async def slowly() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(30)

        started = asyncio.get_running_loop().time()
        response = await client.post("/tickets", headers=[ALICE], content=slowly())
        assert response.status_code == 408
        assert asyncio.get_running_loop().time() - started < 5

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [ALICE, ALICE],
            [("Authorization", "Basic YTpi")],
            [("Authorization", "Bearer alice")],
            [("Sec-WebSocket-Protocol", "openai-insecure-api-key.dev-alice")],
            [("Cookie", "session=dev-alice")],
            [("api-key", "alice")],
            [ALICE, ("api-key", "dev-alice")],
        ],
    )
    async def test_without_one_good_bearer_there_is_no_ticket(
        self, client: httpx.AsyncClient, headers: list[tuple[str, str]]
    ) -> None:
        response = await client.post("/tickets", headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == 'Bearer realm="realtime-relay"'
        assert error(response)["code"] == "invalid_api_key"

    async def test_a_stranger_learns_first_that_it_is_one(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/tickets", content=b"[]")).status_code == 401

    async def test_a_ticket_buys_no_other_ticket(
        self, client: httpx.AsyncClient, built: Built
    ) -> None:
        value = (await client.post("/tickets", headers=[ALICE])).json()["value"]
        response = await client.post("/tickets", headers=[("Authorization", f"Bearer {value}")])
        assert response.status_code == 401
        assert value not in response.text
        assert isinstance(await built.tickets.redeem(value, None), Redeemed)

    async def test_too_many_unused_tickets_say_when_to_come_back(
        self, client: httpx.AsyncClient
    ) -> None:
        for _ in range(3):
            assert (await client.post("/tickets", headers=[ALICE])).status_code == 200
        response = await client.post("/tickets", headers=[ALICE, ("Origin", LISTED)])
        assert response.status_code == 429
        assert response.headers["retry-after"] == "30"
        assert response.headers["access-control-expose-headers"] == "Retry-After"
        assert error(response)["code"] == "rate_limit_exceeded"

    async def test_there_are_no_tickets_while_draining(
        self, client: httpx.AsyncClient, built: Built
    ) -> None:
        built.sessions.draining = True
        response = await client.post("/tickets", headers=[ALICE])
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"

    async def test_a_bug_is_told_without_a_word_of_it(self) -> None:
        async with client_of(build(authenticator=SilentAuthenticator())) as client:
            response = await client.post("/tickets", headers=[ALICE, ("Origin", LISTED)])
        assert response.status_code == 500
        assert "planted" not in response.text
        assert "alice" not in response.text
        assert response.headers["access-control-allow-origin"] == LISTED


class TestOrigins:
    @pytest.mark.parametrize(
        ("origins", "status"),
        [
            ([], 200),
            ([LISTED], 200),
            (["http://localhost:8080"], 200),
            (["http://localhost:8081"], 403),
            (["https://localhost:8080"], 403),
            (["null"], 403),
            ([LISTED, LISTED], 403),
            (["https://evil.test"], 403),
        ],
    )
    async def test_tickets_keep_the_websocket_s_origin_rules(
        self, client: httpx.AsyncClient, origins: list[str], status: int
    ) -> None:
        headers = [ALICE, *(("Origin", origin) for origin in origins)]
        response = await client.post("/tickets", headers=headers)
        assert response.status_code == status
        listed = origins == [LISTED]
        assert response.headers.get("access-control-allow-origin") == (LISTED if listed else None)
        assert response.headers["vary"] == "Origin"

    async def test_an_origin_can_be_required(self) -> None:
        async with client_of(build(require=True)) as client:
            response = await client.post("/tickets", headers=[ALICE])
            assert response.status_code == 403
            assert "RELAY_REQUIRE_ORIGIN" in error(response)["message"]
            response = await client.post("/tickets", headers=[ALICE, ("Origin", LISTED)])
            assert response.status_code == 200

    async def test_without_the_page_its_own_origin_is_foreign(self) -> None:
        async with client_of(build()) as client:
            headers = [ALICE, ("Origin", "http://localhost:8080")]
            assert (await client.post("/tickets", headers=headers)).status_code == 403

    async def test_a_listed_page_may_ask_across_origins(self, client: httpx.AsyncClient) -> None:
        headers = [
            ("Origin", LISTED),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ]
        response = await client.options("/tickets", headers=headers)
        assert response.status_code == 204
        assert response.headers["access-control-allow-origin"] == LISTED
        assert response.headers["access-control-allow-methods"] == "POST"
        assert response.headers["access-control-allow-headers"] == (
            "Authorization, Content-Type, api-key, OpenAI-Beta, *"
        )
        assert "access-control-allow-credentials" not in response.headers

    @pytest.mark.parametrize("origins", [[], ["https://evil.test"], ["null"], [LISTED, LISTED]])
    async def test_no_other_page_may(self, client: httpx.AsyncClient, origins: list[str]) -> None:
        headers = [("Origin", origin) for origin in origins]
        response = await client.options("/tickets", headers=headers)
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers

    async def test_a_listed_page_can_read_refusals(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/tickets", headers=[("Origin", LISTED)])
        assert response.status_code == 401
        assert response.headers["access-control-allow-origin"] == LISTED


class TestHealth:
    async def test_alive_and_ready_until_draining_then_only_alive(
        self, client: httpx.AsyncClient, built: Built
    ) -> None:
        assert (await client.get("/livez")).json() == {"status": "alive"}
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (200, {"status": "ready"})
        built.sessions.draining = True
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"status": "draining"})
        assert response.headers["cache-control"] == "no-store"
        assert (await client.get("/livez")).status_code == 200
        assert (await client.head("/readyz")).status_code == 503


class TestPage:
    @pytest.mark.parametrize(
        ("path", "media_type", "text"),
        [
            ("/", "text/html; charset=utf-8", "<title>page"),
            ("/index.html", "text/html; charset=utf-8", "<title>page"),
            ("/main.js", "text/javascript; charset=utf-8", "export"),
            ("/audio/worklet.mjs", "text/javascript; charset=utf-8", "registerProcessor"),
            ("/style.css", "text/css; charset=utf-8", "teal"),
        ],
    )
    async def test_each_file_has_the_type_that_browsers_demand(
        self, client: httpx.AsyncClient, path: str, media_type: str, text: str
    ) -> None:
        response = await client.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == media_type
        assert response.headers["cache-control"] == "no-cache"
        assert text in response.text
        head = await client.head(path)
        assert (head.status_code, head.content) == (200, b"")

    async def test_an_unchanged_file_is_not_sent_again(self, client: httpx.AsyncClient) -> None:
        etag = (await client.get("/main.js")).headers["etag"]
        for known in (etag, f'"x", W/{etag}'):
            response = await client.get("/main.js", headers={"If-None-Match": known})
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["etag"] == etag
        response = await client.get("/main.js", headers={"If-None-Match": '"other"'})
        assert response.status_code == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/../secret.js",
            "/%2e%2e/secret.js",
            "/..%2fsecret.js",
            "/audio/../../secret.js",
            "/audio%2f..%2f..%2fsecret.js",
            "/..%5csecret.js",
            "//main.js",
            "/main.js%00",
            "/main.js/",
            "/link.js",
            "/notes.py",
            "/.hidden.js",
            "/static/",
            "/audio/",
        ],
    )
    async def test_nothing_else_is_reachable(self, built: Built, path: str) -> None:
        """The path goes into the scope as it is: an HTTP client would tidy it up."""
        sent: list[dict[str, Any]] = []
        raw, _, _ = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": httpx.URL(f"http://h{raw}").path if "%" in raw else raw,
            "raw_path": raw.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost:8080")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await built.app(scope, receive, send)
        assert sent[0]["status"] == 404
        assert json.loads(sent[1]["body"])["error"]["code"] == "not_found"

    async def test_without_the_page_there_is_no_page(self) -> None:
        async with client_of(build()) as client:
            response = await client.get("/")
            assert response.status_code == 404
            assert "/ws" in error(response)["message"]
            assert (await client.get("/main.js")).status_code == 404

    def test_an_own_origin_without_a_page_is_a_contradiction(self) -> None:
        with pytest.raises(ValueError, match="no demo page"):
            build(own=True)

    def test_a_folder_without_index_is_refused_at_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="RELAY_DEMO_PAGE=false"):
            load_assets(tmp_path)


class TestThePageThatIsShipped:
    """Whatever its files name must be served, or the page breaks in silence."""

    async def test_every_file_that_it_names_is_served(self) -> None:
        folder = Path(app.web.__file__).parent / "static"
        names = re.compile(r"""(?:src="|href="|from "|import "|URL\(")(?!#|data:|http)([^"]+)""")
        async with client_of(build(page=folder)) as client:
            seen, waiting = set[str](), ["/"]
            while waiting:
                path = waiting.pop()
                seen.add(path)
                response = await client.get(path)
                assert response.status_code == 200, path
                if path.endswith((".js", ".html", "/")):
                    found = {urljoin(path, name) for name in names.findall(response.text)}
                    waiting.extend(found - seen - set(waiting))
        assert "/page.js" in seen
        assert "/relay-client/capture-worklet.js" in seen


class TestOverRealSockets:
    """What only shows with a server: the answer must arrive although the body is still coming."""

    @pytest.mark.parametrize(
        ("headers", "size", "status"),
        [
            ([ALICE], 16 * 1024, 200),
            ([ALICE], 900_000, 413),
            ([], 900_000, 401),
            ([ALICE, ("Origin", LISTED), ("Origin", LISTED)], 100, 403),
        ],
    )
    async def test_the_answer_arrives(
        self, headers: list[tuple[str, str]], size: int, status: int
    ) -> None:
        async with serve(build()) as served, httpx.AsyncClient(trust_env=False) as client:
            for _ in range(3):
                response = await client.post(
                    f"http://127.0.0.1:{served.port}/tickets", headers=headers, content=b" " * size
                )
                assert response.status_code == status

    async def test_a_body_without_end_is_cut_off(self) -> None:
        async with serve(build()) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(
                b"POST /tickets HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer dev-a\r\n"
                b"Content-Length: 999999999\r\n\r\n"
            )
            answer = asyncio.create_task(_until_closed(reader))
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 100_000_000 and not answer.done():
                    writer.write(b" " * 65536)
                    sent += 65536
                    await asyncio.wait_for(writer.drain(), 5)
                    await asyncio.sleep(0)
            told = await asyncio.wait_for(answer, 5)
            assert told == b"" or told.startswith(b"HTTP/1.1 413")
            assert sent < 100_000_000
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            await served.until_idle()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    told = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            told += chunk
    return told


class TestEverywhere:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/", 200),
            ("GET", "/livez", 200),
            ("GET", "/nothing", 404),
            ("GET", "/docs", 404),
            ("GET", "/openapi.json", 404),
            ("DELETE", "/tickets", 405),
            ("POST", "/tickets", 401),
            ("OPTIONS", "/tickets", 403),
            ("POST", "/", 405),
            ("GET", "/ws", 426),
            ("GET", "/openai/realtime", 426),
        ],
    )
    async def test_every_answer_is_strict_and_every_error_is_json(
        self, client: httpx.AsyncClient, method: str, path: str, status: int
    ) -> None:
        response = await client.request(method, path)
        assert response.status_code == status
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["permissions-policy"] == "microphone=(self)"
        if status >= 400:
            assert error(response)["message"]

    async def test_an_unknown_method_is_told_the_known_ones(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.delete("/tickets")
        assert "POST" in response.headers["allow"]

    async def test_a_bug_anywhere_is_a_500_in_words_with_the_same_headers(self) -> None:
        def broken() -> dict[str, Any]:
            raise RuntimeError("planted")

        built = build()

        @built.app.get("/broken")
        async def fail() -> None:
            broken()

        async with client_of(built) as client:
            response = await client.get("/broken")
        assert response.status_code == 500
        assert error(response)["code"] == "server_error"
        assert "planted" not in response.text
        assert response.headers["x-content-type-options"] == "nosniff"
