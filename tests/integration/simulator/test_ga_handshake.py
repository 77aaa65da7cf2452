"""Both dialects on one port, over real sockets: what is told before any conversation."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from app.protocol.names import Dialect
from app.simulator.simulator import Simulator
from tests.harness.embedded import embedded


async def test_one_port_speaks_both_dialects_and_the_path_decides(simulator: Simulator) -> None:
    key = {"api-key": simulator.options.key}
    shown = {}
    for dialect in Dialect:
        async with connect(simulator.url(dialect), additional_headers=key, proxy=None) as socket:
            shown[dialect] = set(json.loads(await socket.recv())["session"])
    assert {"type", "audio", "output_modalities"} <= shown[Dialect.GA]
    assert {"modalities", "voice", "input_audio_format"} <= shown[Dialect.PREVIEW]
    assert not shown[Dialect.GA] & {"modalities", "voice", "temperature"}
    preview, ga = simulator.journal.connections
    assert (preview.dialect, preview.api_version) == ("preview", "2025-04-01-preview")
    assert (ga.dialect, ga.api_version, ga.deployment) == ("ga", None, "gpt-realtime")
    assert ga.describe()["dialect"] == "ga"


async def test_a_version_in_the_query_is_401_and_an_unknown_model_404(
    simulator: Simulator,
) -> None:
    key = {"api-key": simulator.options.key}
    for query, status in (
        ("model=gpt-realtime&api-version=2025-04-01-preview", 401),
        ("model=nobody", 404),
        ("deployment=gpt-realtime", 400),
    ):
        url = f"{simulator.address}/openai/v1/realtime?{query}"
        with pytest.raises(InvalidStatus) as caught:
            async with connect(url, additional_headers=key, proxy=None):
                pass
        assert caught.value.response.status_code == status
        assert json.loads(caught.value.response.body or b"")["error"]["message"]


async def test_the_betas_header_is_answered_by_an_error_and_a_close(simulator: Simulator) -> None:
    headers = {"api-key": simulator.options.key, "OpenAI-Beta": "realtime=v1"}
    url = simulator.url(Dialect.GA)
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        async with asyncio.timeout(5):
            event = json.loads(await socket.recv())
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
    assert event["error"]["code"] == "beta_api_shape_disabled"
    assert event["event_id"].startswith("event_")
    assert socket.close_code == 4000
    assert socket.close_reason == "invalid_request_error.beta_api_shape_disabled"
    async with asyncio.timeout(5):
        while simulator.journal.connections[0].close_code_sent is None:
            await asyncio.sleep(0.01)
    (record,) = simulator.journal.connections
    assert (record.close_code_sent, record.open) == (4000, False)
    assert record.sent == {"error": 1}


async def test_a_browsers_credential_stands_in_a_subprotocol(simulator: Simulator) -> None:
    offered = [
        Subprotocol("realtime"),
        Subprotocol(f"openai-insecure-api-key.{simulator.options.key}"),
    ]
    url = simulator.url(Dialect.GA)
    async with connect(url, subprotocols=offered, proxy=None) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(await socket.recv())["type"] == "session.created"
    (record,) = simulator.journal.connections
    assert record.credential == "subprotocol"
    assert simulator.options.key not in json.dumps(simulator.journal.describe())


async def test_the_harness_names_the_addresses_of_both(nothing_left: None) -> None:
    async with embedded() as upstream:
        for url, member in ((upstream.preview_url, "modalities"), (upstream.ga_url, "audio")):
            key = {"api-key": upstream.key}
            async with connect(url, additional_headers=key, proxy=None) as socket:
                assert member in json.loads(await socket.recv())["session"]


async def test_a_deployment_of_ones_own_is_in_the_addresses(nothing_left: None) -> None:
    async with embedded(deployments=("voice",)) as upstream:
        assert upstream.ga_url.endswith("/openai/v1/realtime?model=voice")
        assert upstream.preview_url.endswith("&deployment=voice")
