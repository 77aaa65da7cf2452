"""The relay between a real client and an upstream that nobody here wrote: npm `@copilotkit/aimock`.

It speaks GA, answers text and calls tools, and keeps a journal of every request as it understood
it, so it judges what our own embedded upstream may have got wrong on both sides.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.clients import BY_NAME, JUDGED, Client
from tests.sdk.conftest import Stage, leave
from tests.sdk.conversing import converse, have_drivers_in_node
from tests.sdk.environments import FOLDER
from tests.sdk.served import relay, stop

pytestmark = pytest.mark.timeout(120)
KEY = "a-key-that-the-judge-does-not-check"
OPERATOR = "Answer as the operator says."
CANNOT = ["audio", "interruptions", "connect again", "expiry"]
"""What this upstream does not do: it has no voice and never ends a session."""


@contextmanager
def judge() -> Iterator[str]:
    """Its address, while it runs."""
    have_drivers_in_node()
    process = subprocess.Popen(
        ["node", "drivers/aimock.mjs"],
        cwd=FOLDER / "node",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield str(json.loads(process.stdout.readline())["address"])
    finally:
        process.stdin.close()
        stop(process)


def journal(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{address}/__aimock/journal", timeout=10) as answer:
        requests: list[dict[str, Any]] = json.load(answer)
    return requests


@pytest.mark.parametrize(
    "client",
    [BY_NAME[name] for name in JUDGED],
    ids=lambda client: client.name,
)
def test_both_ends_saw_the_same_conversation(
    client: Client, stage: Stage, results: Path, tmp_path: Path
) -> None:
    name = f"{client.name}.aimock"
    leave(results, name, "does not pass")
    with judge() as address:
        behind = {
            "AZURE_OPENAI_ENDPOINT": address,
            "AZURE_OPENAI_DEPLOYMENT": "gpt-realtime",
            "AZURE_OPENAI_API_KEY": KEY,
            "RELAY_UPSTREAM_AUTH": "api-key-header",
            "RELAY_SESSION_INSTRUCTIONS": OPERATOR,
        }
        with relay(tmp_path / "relay", stage.certificate, behind) as running:
            given = {
                "address": running.address,
                "expiring": "",
                "credential": "dev-judged",
                "speech": str(stage.speech),
                "without": CANNOT,
            }
            told = converse(client, given, stage.certificate[0])
            assert not told.broken(), told.broken()
            (line,) = running.ended("judged", 1)
        requests = journal(address)
    steps = told.steps
    assert [name for name, step in steps.items() if step["errors"]] == []
    assert steps["text"]["said"] == "Paris, says the judge."
    assert steps["tool"]["arguments"] == {"city": "Oslo"}
    assert steps["tool"]["said"] == "The judge heard of the rain."
    assert (line["reason"], line["errors_sent"]) == ("client_closed", 0)
    assert line["unknown_events_dropped"] == 0
    as_the_judge_understood(requests)
    leave(results, name, "passes")


def as_the_judge_understood(requests: list[dict[str, Any]]) -> None:
    """Three requests, each with all that was said before, and the operator's words alone."""
    assert [request["response"]["status"] for request in requests] == [200, 200, 200]
    for request in requests:
        assert "authorization" not in request["headers"]
        assert request["body"]["model"] == "gpt-realtime"
        system = [one for one in request["body"]["messages"] if one["role"] == "system"]
        assert [one["content"] for one in system] == [OPERATOR]
    roles = [message["role"] for message in requests[-1]["body"]["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "tool"]
    *_, call, output = requests[-1]["body"]["messages"]
    (called,) = call["tool_calls"]
    assert called["function"]["name"] == "get_weather"
    assert json.loads(called["function"]["arguments"]) == {"city": "Oslo"}
    assert output == {
        "role": "tool",
        "content": "Rain and 7 degrees",
        "tool_call_id": called["id"],
    }
