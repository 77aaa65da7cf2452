"""What is written down about a session when it has ended: everything but its content."""

from __future__ import annotations

import asyncio
from typing import Any

from app.protocol.close_reasons import ENDINGS, CloseReason
from app.relay.relay import Relay
from app.relay.sides import Side
from app.session.gate import Gate
from app.telemetry.logs import SessionSummary


def closing_line(
    relay: Relay,
    gate: Gate,
    reason: CloseReason,
    *,
    user: str,
    profile: str,
    deployment: str,
    api_version: str | None,
) -> SessionSummary:
    """The summary of one ended session; `user` is a hash, never a name."""
    now = asyncio.get_running_loop().time()
    clocks, state, counters = gate.clocks, gate.state, gate.state.counters
    ready_at, dialled = clocks.ready_at, relay.dialling.seconds
    return SessionSummary(
        session_id=gate.session_id,
        user=user,
        reason=reason,
        ended_by=ENDINGS[reason].ended_by,
        phase=(state.phase_at_end or state.phase).value,
        **_farewells(relay),
        duration_s=round(now - clocks.started, 3),
        ready_after_ms=None if ready_at is None else round((ready_at - clocks.started) * 1000, 1),
        dial_ms=None if dialled is None else round(dialled * 1000, 1),
        client_events_in=counters.client_events,
        client_events_out=relay.client.frames_sent,
        client_bytes_in=relay.client.traffic[0],
        client_bytes_out=relay.client.traffic[1],
        upstream_events_in=counters.upstream_events,
        upstream_events_out=relay.leg.frames_sent,
        upstream_bytes_in=relay.leg.traffic[0],
        upstream_bytes_out=relay.leg.traffic[1],
        audio_in_ms=round(counters.audio_ms_from_client, 1),
        responses=counters.responses,
        tokens_in=counters.input_tokens,
        tokens_out=counters.output_tokens,
        tokens_total=counters.input_tokens + counters.output_tokens,
        verdicts=dict(counters.verdicts),
        unknown_events_dropped=counters.upstream_events_unknown,
        errors_sent=counters.errors_to_client,
        deployment=deployment,
        api_version=api_version,
        dialect=gate.state.client_dialect,
        upstream_request_id=relay.dialling.request_id,
        profile=profile,
    )


def _farewells(relay: Relay) -> dict[str, Any]:
    """How each side took its leave."""
    client, leg = relay.client, relay.leg
    return {
        "client_code_received": _received(client),
        "client_code_sent": _sent(client),
        "upstream_code_received": _received(leg),
        "upstream_code_sent": _sent(leg),
        "client_fault": _fault(client),
        "upstream_fault": _fault(leg),
    }


def _received(side: Side) -> int | None:
    return side.received[0] if side.received is not None else None


def _fault(side: Side) -> str:
    return side.ended.detail if side.ended is not None else ""


def _sent(side: Side) -> int | None:
    return side.sent_close[0] if side.sent_close is not None else None
