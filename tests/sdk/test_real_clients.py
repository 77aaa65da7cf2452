"""Real clients, unmodified, through the real relay: what they see, and what the relay saw of them.

`make test-sdk` runs this; each test leaves its result for the matrix in docs/clients.md.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.clients import (
    BY_NAME,
    CLIENTS,
    DIALECTS,
    PROFILES,
    REFUSALS,
    STEPS,
    Client,
    Refusal,
)
from tests.sdk.conftest import Stage, leave
from tests.sdk.conversing import Told, converse, have_drivers_in_node
from tests.sdk.drivers.scenario import TURNS, VOICE

pytestmark = pytest.mark.timeout(300)
HALF_A_SECOND = 24_000


@pytest.fixture(scope="session", autouse=True)
def drivers() -> None:
    have_drivers_in_node()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_whole_conversation(
    client: Client,
    dialect: str,
    profile: str,
    stage: Stage,
    results: Path,
    request: pytest.FixtureRequest,
) -> None:
    name = f"{client.name}.{dialect}.{profile}"
    leave(results, name, "does not pass")
    user = f"{client.name}-{secrets.token_hex(4)}"
    relay = stage.relay(dialect, profile)
    expiring = stage.relay(dialect, profile, expiring=True)
    given = {
        "address": relay.address,
        "expiring": expiring.address,
        "credential": f"dev-{user}",
        "speech": str(stage.speech),
    }
    if client.where == "chromium":
        given |= {"chromium": request.getfixturevalue("chromium"), "pages": stage.origin}
    told = converse(client, given, stage.certificate[0])
    assert not told.broken(), told.broken()
    assert tuple(told.steps) == STEPS, told.stderr[-3000:]
    heard_everything(told.steps, client, profile)
    (talk,) = relay.ended(user, 1)
    calm(talk)
    talked_enough(talk)
    expired(told, expiring.ended(user, 1)[0])
    leave(results, name, "passes")


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.client.name)
def test_what_an_sdk_refuses_by_its_own_design(
    refusal: Refusal, stage: Stage, chromium: str
) -> None:
    user = f"refused-{secrets.token_hex(4)}"
    relay = stage.relay("ga", "guided")
    given = {
        "address": relay.address,
        "credential": f"dev-{user}",
        "speech": str(stage.speech),
        "chromium": chromium,
        "pages": stage.origin,
        "without": STEPS[1:],
    }
    told = converse(refusal.client, given, stage.certificate[0])
    assert not told.broken(), told.broken()
    assert refusal.says in told.steps["connect"]["refused"]
    assert relay.ended(user, 1, within=0.5) == [], "it did not even dial"


def test_pipecat_writes_appended_text_as_a_system_message(stage: Stage) -> None:
    """The note of its row: the policy refuses the message in words, and the session goes on."""
    user = f"pipecat-{secrets.token_hex(4)}"
    relay = stage.relay("ga", "guided")
    given = {
        "address": relay.address,
        "credential": f"dev-{user}",
        "speech": str(stage.speech),
        "without": [step for step in STEPS if step not in {"connect", "text", "close"}],
    }
    told = converse(replace(BY_NAME["pipecat"], form="append"), given, stage.certificate[0])
    assert not told.broken(), told.broken()
    assert "system message is not allowed" in told.steps["text"]["refused"]
    (line,) = relay.ended(user, 1)
    assert line["reason"] == "client_closed"
    assert line["verdicts"]["item-system"] == 1
    assert line["errors_sent"] == 1


def heard_everything(steps: dict[str, dict[str, Any]], client: Client, profile: str) -> None:
    """The client's view of the conversation, until the expiry."""
    for name, line in steps.items():
        if name != "expiry":
            assert line["errors"] == [], f"{name}: {line['errors']}"
    assert steps["configure"]["voice"] == (VOICE if profile == "guided" else "alloy")
    if client.shows_tools:
        assert client.tool in steps["configure"]["tools"]
    if client.where == "livekit":
        assert steps["configure"]["root"] == "We spoke before."
    assert steps["text"]["said"] == "The capital of France is Paris."
    assert steps["audio"]["said"].startswith("You said:")
    assert steps["tool"]["called"] == client.tool
    assert steps["tool"]["arguments"] == {"city": "Oslo"}
    assert steps["tool"]["said"] == "The tool answered: Rain and 7 degrees"
    for name in ("text", "audio", "tool"):
        assert steps[name]["audio_bytes"] > HALF_A_SECOND, name
    assert steps["interruptions"]["interrupted"] == TURNS
    assert steps["interruptions"]["last"] == "completed"


def calm(line: dict[str, Any]) -> None:
    """The relay's view: closed by the client, no `error` sent, nothing that it did not know."""
    assert line["reason"] == "client_closed"
    assert line["client_code_sent"] == 1000
    assert line["errors_sent"] == 0
    assert line["unknown_events_dropped"] == 0


def talked_enough(line: dict[str, Any]) -> None:
    """Every turn was spoken and answered, every interruption told."""
    verdicts = line["verdicts"]
    assert line["responses"] >= 4 + TURNS + 1
    assert line["audio_in_ms"] >= (TURNS + 2) * 1_500
    assert verdicts["item-truncate"] >= TURNS


def expired(told: Told, line: dict[str, Any]) -> None:
    """`session_expired`, then close 1001, on both ends."""
    shown = told.steps["expiry"]
    assert "session_expired" in "".join(shown["errors"])
    if shown.get("close_code") is not None:
        assert shown["close_code"] == 1001
    assert line["reason"] == "session_time_limit"
    assert line["client_code_sent"] == 1001
