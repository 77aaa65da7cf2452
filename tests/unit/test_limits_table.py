"""The table of limits in docs/operations.md: its defaults hold, its counters exist, and each limit
has a test at it and one past it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.protocol.close_reasons import CloseReason
from app.session.allowance import MAX_ITEMS
from app.session.limits import Limits
from app.settings.relay_groups import Bounds, Rates
from app.settings.settings import abouts
from app.store.limits import StoreLimits
from app.store.store import Full
from app.web.tickets import BODY_BYTES

ROOT = Path(__file__).resolve().parents[2]
CODE = {path: path.read_text() for path in (ROOT / "app").rglob("*.py")}

FIXED = {
    "the user's token, past its end": f"{Limits().identity_leeway:.0f} s",
    "accepted until ready": f"{Limits().setup_seconds:.0f} s",
    "unused tickets of a user": f"{StoreLimits().tickets_per_owner}",
    "body of a request for a ticket": f"{BODY_BYTES // 1024} KiB",
    "responses beside the conversation at once": f"{Limits().out_of_band_responses}",
    "proofs of identity in a minute": f"{Limits().identity_updates_per_minute}",
    "forbidden acts in a minute": f"{Limits().violations_per_minute}",
    "items of a session": f"{MAX_ITEMS:,}",
}
"""Limits that no setting changes."""

CLOCKS, METERS = "unit/session/test_clocks.py", "unit/session/test_meters.py"
AT_AND_PAST = {
    "length of a session": (
        CLOCKS,
        "test_the_session_warns_at_two_minutes_and_at_thirty_seconds_and_then_ends",
    ),
    "silence": (CLOCKS, "test_silence_is_warned_a_minute_before_it_ends_the_session"),
    "the user's token, past its end": (
        "unit/session/test_identity.py",
        "test_the_client_is_warned_two_minutes_before_and_ended_a_minute_after_the_expiry",
    ),
    "accepted until ready": (
        "unit/session/test_setup.py",
        "test_set_up_that_takes_too_long_ends_as_unavailable",
    ),
    "sessions of a process": (
        "unit/relay/test_registry.py",
        "test_those_who_wait_for_the_store_count_for_the_process",
    ),
    "sessions of a user": (
        "integration/limits/test_replicas.py",
        "test_limits_by_user_and_address_hold_over_both",
    ),
    "sessions of an address": (
        "integration/limits/test_replicas.py",
        "test_limits_by_user_and_address_hold_over_both",
    ),
    "openings of a user in a minute": (
        "integration/test_openings.py",
        "test_the_eleventh_session_in_a_minute_is_refused_with_the_time_to_come_back",
    ),
    "bad credentials of an address in a minute": (
        "unit/web/test_strangers.py",
        "test_an_address_is_refused_after_so_many_and_heard_again_as_time_passes",
    ),
    "unused tickets of a user": (
        "integration/web/test_http.py",
        "test_too_many_unused_tickets_say_when_to_come_back",
    ),
    "body of a request for a ticket": (
        "integration/web/test_http.py",
        "test_a_body_of_exactly_the_limit_is_read",
        "test_a_big_body_is_refused",
    ),
    "events in a second": (METERS, "test_small_appends_that_come_too_fast_wait_as_well"),
    "of these, not audio": (
        METERS,
        "test_acts_that_come_too_fast_are_refused_in_words",
        "test_a_flood_is_answered_ten_times_a_second_and_ended_after_ten",
    ),
    "audio, times real time": (
        METERS,
        "test_ten_seconds_of_audio_may_come_at_once_and_then_reading_pauses",
    ),
    "responses in a minute": (
        METERS,
        "test_the_twenty_first_response_in_a_minute_is_refused_whoever_caused_the_others",
    ),
    "responses beside the conversation at once": (
        METERS,
        "test_two_out_of_band_responses_at_once_are_enough",
    ),
    "proofs of identity in a minute": (
        "unit/session/test_identity.py",
        "test_five_proofs_a_minute_are_verified_and_no_more",
    ),
    "forbidden acts in a minute": (
        "unit/session/test_client_side.py",
        "test_thirty_violations_in_a_minute_end_the_session",
        "test_thirty_violations_in_more_than_a_minute_do_not",
    ),
    "items of a session": (
        "unit/session/test_allowance.py",
        "test_a_session_holds_so_many_items_and_no_more",
    ),
    "a message of the client's": (
        "integration/endings/test_last_words.py",
        "test_a_message_that_the_wire_refuses_is_explained",
    ),
    "handshakes upstream at once": (
        "unit/upstream/test_dial_queue.py",
        "test_no_more_than_allowed_run_and_the_line_is_served_in_order",
        "test_one_who_cannot_be_reached_in_time_is_refused_at_once",
    ),
    "handshakes upstream in a second": (
        "unit/upstream/test_dial_queue.py",
        "test_the_beginnings_are_spaced_out",
    ),
    "a drain": (
        "integration/admin/test_draining.py",
        "test_clients_are_told_and_then_closed_one_after_the_other",
    ),
}
"""Where each limit is tested at it and past it: the file, then functions. A message's own size is
tested to the byte on the wires (tests/integration/wire/limits.py)."""


@dataclass(frozen=True, slots=True)
class Row:
    limit: str
    setting: str
    default: str
    seen: str
    counted: str


def rows() -> list[Row]:
    text = (ROOT / "docs" / "operations.md").read_text()
    head = (
        "| limit | setting | default | what the client sees | counted as |\n|---|---|---|---|---|\n"
    )
    _, _, table = text.partition(head)
    table, _, _ = table.partition("\n\n")
    return [Row(*(cell.strip() for cell in line.split("|")[1:-1])) for line in table.splitlines()]


ROWS = rows()


def names(pattern: str) -> set[str]:
    """What the pattern's group finds anywhere in the code."""
    return {found for text in CODE.values() for found in re.findall(pattern, text)}


COUNTERS = {
    "reason": {reason.value for reason in CloseReason},
    "refused": {full.value for full in Full} | names(r"""self\._refuse\(\s*"(\w+)\""""),
    "verdict": names(r"""verdict\("([\w-]+)"\)""")
    | names(r"""Refuse\(\s*"([\w-]+)\"""")
    | {f"rate-{what}" for what in names(r"""_too_fast\(\s*"(\w+)\"""")},
    "rule": names(r"""(?:Denied\(|rule=)\s*"([\w.]+)\""""),
    "line": names(r"""(?:log\.\w+|Note)\(\s*"([\w.]+)\""""),
}


def test_the_table_has_every_limit_that_can_be_set() -> None:
    fields = {*Bounds.model_fields, *Rates.model_fields} | {
        "max_dials_at_once",
        "dials_per_second",
        "drain_seconds",
    }
    missing = {abouts()[field].variable for field in fields} - {row.setting[1:-1] for row in ROWS}
    assert not missing
    assert [row.limit for row in ROWS] == list(dict.fromkeys(row.limit for row in ROWS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.limit)
def test_a_default_is_that_of_the_code(row: Row) -> None:
    if not row.setting:
        assert row.default == FIXED[row.limit]
        return
    (field,) = (name for name, about in abouts().items() if f"`{about.variable}`" == row.setting)
    assert row.default == f"{abouts()[field].default:g}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.limit)
def test_a_limit_has_a_counter_that_exists(row: Row) -> None:
    found = re.findall(r"(\w+) `([^`]+)`", row.counted)
    assert found
    assert ", ".join(f"{kind} `{name}`" for kind, name in found) == row.counted
    for kind, name in found:
        assert name in COUNTERS[kind], f"{kind} {name} is counted nowhere"
    for code in re.findall(r"`([^`]+)`", row.seen):
        assert code in COUNTERS["reason"] | {"rate_limit_exceeded"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.limit)
def test_a_limit_has_a_test_at_it_and_past_it(row: Row) -> None:
    path, *functions = AT_AND_PAST[row.limit]
    found = {
        node.name
        for node in ast.walk(ast.parse((ROOT / "tests" / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert set(functions) <= found
