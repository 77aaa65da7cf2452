"""The handshake of the GA dialect: the path decides, and what belongs to preview is refused."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from app.protocol.names import Dialect
from app.simulator.door import Admitted, Refused, judge, model_of, url
from app.simulator.options import Options

OPTIONS = Options(key="secret", bearer_tokens=("entra",))
GA = "/openai/v1/realtime?model=gpt-realtime"
PREVIEW = "/openai/realtime?api-version=2024-12-17&deployment=gpt-realtime"
KEY = {"api-key": "secret"}
PROTOCOL = "sec-websocket-protocol"


@pytest.mark.parametrize(
    ("target", "headers", "place"),
    [
        (GA, KEY, "header"),
        (GA, {"authorization": "Bearer entra"}, "bearer"),
        (GA, {"authorization": "Bearer secret"}, "bearer"),
        (GA + "&api-key=secret", {}, "query"),
        ("/v1/realtime?model=gpt-realtime", {"authorization": "Bearer secret"}, "bearer"),
        (GA, {PROTOCOL: "realtime, openai-insecure-api-key.secret"}, "subprotocol"),
        (GA, {PROTOCOL: "realtime,openai-insecure-api-key.entra,openai-project.x"}, "subprotocol"),
        (GA + "&deployment=ignored", KEY, "header"),
    ],
)
def test_it_opens_and_knows_where_the_credential_stood(
    target: str, headers: dict[str, str], place: str
) -> None:
    assert judge(target, headers, OPTIONS) == Admitted(place, None, "gpt-realtime", Dialect.GA)


def test_either_dialect_serves_every_deployment() -> None:
    for deployment in OPTIONS.deployments:
        for dialect in Dialect:
            verdict = judge(url("", dialect, deployment), KEY, OPTIONS)
            assert isinstance(verdict, Admitted)
            assert (verdict.deployment, verdict.dialect) == (deployment, dialect)


def test_the_model_that_a_session_shows() -> None:
    assert model_of("gpt-realtime-mini") == "gpt-realtime-mini"
    assert model_of("gpt-4o-realtime-preview") == "gpt-4o-realtime-preview-2024-12-17"


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        (GA, {}, 401, "401"),
        (GA, {"api-key": "wrong"}, 401, "401"),
        (GA, {PROTOCOL: "realtime, openai-insecure-api-key.wrong"}, 401, "401"),
        (GA, {PROTOCOL: "realtime"}, 401, "401"),
        (GA + "&api-version=2025-04-01-preview", KEY, 401, "401"),
        (GA + "&api-version=", KEY, 401, "401"),
        ("/v1/realtime?" + PREVIEW.partition("?")[2], KEY, 401, "401"),
        ("/openai/v1/realtime", KEY, 400, "BadRequest"),
        ("/openai/v1/realtime?deployment=gpt-realtime", KEY, 400, "BadRequest"),
        (GA + "&model=gpt-realtime", KEY, 400, "BadRequest"),
        (GA + "&intent=transcription", KEY, 400, "BadRequest"),
        (GA + "&call_id=rtc_1", KEY, 400, "BadRequest"),
        ("/openai/v1/realtime?model=nobody", KEY, 404, "DeploymentNotFound"),
        ("/openai/v1/realtime/?model=gpt-realtime", KEY, 404, "404"),
        ("/realtime?model=gpt-realtime", KEY, 404, "404"),
        ("/openai/v1/realtime/calls", KEY, 404, "404"),
        ("/openai/realtime?model=gpt-realtime", KEY, 400, "BadRequest"),
        (PREVIEW, {PROTOCOL: "realtime, openai-insecure-api-key.secret"}, 401, "401"),
    ],
)
def test_it_refuses_with_a_status(
    target: str, headers: dict[str, str], status: int, code: str
) -> None:
    verdict = judge(target, headers, OPTIONS)
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.code) == (HTTPStatus(status), code)
    assert "secret" not in json.dumps(verdict.body())


@pytest.mark.parametrize(
    "headers",
    [
        {**KEY, "openai-beta": "realtime=v1"},
        {**KEY, PROTOCOL: "realtime, openai-beta.realtime-v1"},
    ],
)
def test_whoever_asks_for_the_betas_shapes_is_let_in_to_be_told(headers: dict[str, str]) -> None:
    verdict = judge(GA, headers, OPTIONS)
    assert isinstance(verdict, Admitted)
    assert verdict.farewell is not None
    assert verdict.farewell.code == "beta_api_shape_disabled"
    preview = judge(PREVIEW, headers, OPTIONS)
    assert isinstance(preview, Admitted)
    assert preview.farewell is None
