"""Every limit of the wires, where it is tested at its edge and past it, and where it shows.

`at` and `past` name tests, `FILE::FUNCTION` under `tests/`, or rows of the conformance table.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from app.wire import budget
from app.wire.framing import MAX_CLOSE_TEXT, MAX_CONTROL_PAYLOAD, MAX_FRAGMENTS
from app.wire.handshake import HANDSHAKE_SECONDS
from app.wire.lobby import MOST
from app.wire.request_head import HeadLimits
from app.wire.wire import CLIENT_WIRE, UPSTREAM_WIRE, WireLimits

HEAD = HeadLimits()
UNIT_HEAD = "unit/wire/test_request_head.py::"
UNIT_HOLD = "unit/wire/test_holding.py::"
HTTP = "integration/wire/test_http.py::"
BROWSER = "integration/wire/test_browser.py::"
CONTRACT = "integration/wire/test_contract.py::"
ENDINGS = "integration/wire/test_endings.py::"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `field` is the field of `HeadLimits` or `WireLimits` that holds it, if one does.
    `shows` is what an operator sees of it."""

    name: str
    default: str
    at: str
    past: str
    shows: str
    field: str = ""


def kib(size: int) -> str:
    """A size as people write it."""
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


def _head() -> list[Limit]:
    """Before a WebSocket stands. `Lobby.refused` counts by status."""
    rows = [
        ("head", kib(HEAD.head), "test_the_whole_head", "431"),
        ("line", kib(HEAD.line), "test_a_header_line", "414, 431"),
        ("headers", f"{HEAD.headers} lines", "test_the_number_of_headers", "431"),
    ]
    known = [
        Limit(f"request {name}", size, UNIT_HEAD + test, UNIT_HEAD + test, status, name)
        for name, size, test, status in rows
    ]
    pipelined = HTTP + "test_four_requests_may_run_ahead_of_their_answers_and_no_fifth"
    crowd = "unit/wire/test_lobby.py::test_a_full_lobby_drops_the_one_that_has_waited_longest"
    return [
        *known,
        Limit("time for a head", f"{HEAD.head_seconds:g} s",
              HTTP + "test_a_later_request_on_the_connection_has_the_same_limits",
              HTTP + "test_a_head_that_comes_too_slowly_is_refused_in_words", "408",
              "head_seconds"),
        Limit("time for a body", f"{HEAD.body_seconds:g} s",
              HTTP + "test_ordinary_requests_are_served_on_one_connection",
              HTTP + "test_a_body_that_never_comes_is_cut_off", "dropped", "body_seconds"),
        Limit("requests ahead of their answers", str(HEAD.pipelined), pipelined, pipelined, "429",
              "pipelined"),
        Limit("an answer that nobody reads", f"{HEAD.unread_seconds:g} s",
              HTTP + "test_ordinary_requests_are_served_on_one_connection",
              HTTP + "test_an_answer_that_nobody_reads_ends_in_a_reset", "reset",
              "unread_seconds"),
        Limit("reading on after a refusal", f"{HEAD.linger_seconds:g} s, in sips",
              HTTP + "test_a_flood_of_headers_is_refused_in_words_and_then_cut_off",
              HTTP + "test_who_goes_on_after_a_refusal_is_read_with_restraint", "reset",
              "linger_seconds"),
        Limit("connections that are no WebSocket yet",
              f"a quarter of the descriptors, at most {MOST:,}", crowd, crowd, "`Lobby.dropped`"),
        Limit("connecting to accepted", f"{HANDSHAKE_SECONDS:g} s",
              BROWSER + "test_the_handshakes_clock_counts_from_connecting",
              BROWSER + "test_a_route_that_never_answers_is_answered_for_and_cancelled", "503"),
    ]  # fmt: skip


def _frames() -> list[Limit]:
    """What a peer may send."""
    both = f"{kib(CLIENT_WIRE.max_message)}; upstream {kib(UPSTREAM_WIRE.max_message)}"
    burst = "unit/wire/test_framing.py::"
    burst += "test_the_control_budget_refills_with_time_and_counts_unread_time_in_full"
    return [
        Limit("message", both, "9.1.5", "9.1.6", "`message_too_big`", "max_message"),
        Limit("fragments of a message", f"{MAX_FRAGMENTS:,}", "9.3.7", "9.3.8", "`protocol_error`",
              "max_fragments"),
        Limit("pings and pongs", f"{budget.CONTROL_PER_SECOND:g} a second, "
              f"{budget.CONTROL_BURST:g} at once", burst, burst, "`protocol_error`"),
        Limit("payload of a control frame", f"{MAX_CONTROL_PAYLOAD} B", "2.4", "2.5",
              "`protocol_error`"),
        Limit("reason of a close frame", f"{MAX_CLOSE_TEXT} B", "7.3.5", "7.3.6",
              "`protocol_error`"),
        Limit("frames held before the start", str(CLIENT_WIRE.hold_frames),
              UNIT_HOLD + "test_sixty_four_frames_are_a_full_hold_and_one_less_is_not",
              CONTRACT + "test_a_full_hold_stops_reading_and_loses_nothing", "reading pauses",
              "hold_frames"),
        Limit("bytes held before the start", kib(CLIENT_WIRE.hold_bytes),
              UNIT_HOLD + "test_256_kib_are_a_full_hold_and_a_byte_less_is_not",
              CONTRACT + "test_a_full_hold_stops_reading_and_loses_nothing", "reading pauses",
              "hold_bytes"),
    ]  # fmt: skip


def _flow() -> list[Limit]:
    """What a peer must take, and how soon it must answer."""
    cap = UNIT_HOLD + "test_the_write_buffer_takes_what_fits_its_cap_and_not_a_byte_more"
    marks = CONTRACT + "test_the_write_buffer_reports_full_and_empty"
    return [
        Limit("write buffer, high mark", kib(CLIENT_WIRE.high_water), marks, marks,
              "the other side is not read", "high_water"),
        Limit("write buffer, low mark", kib(CLIENT_WIRE.low_water), marks, marks,
              "the other side is read again", "low_water"),
        Limit("write buffer, hard cap", kib(CLIENT_WIRE.max_write_buffer), cap, cap,
              "`slow_client`, `slow_upstream`", "max_write_buffer"),
        Limit("pongs while the write buffer is full", "1",
              UNIT_HOLD + "test_pongs_do_not_pile_up_where_nothing_is_read",
              CONTRACT + "test_a_peer_that_pings_and_never_reads_gets_one_pong_later",
              "the latest alone is sent"),
        Limit("no byte leaves", f"{CLIENT_WIRE.stall_seconds:g} s",
              CONTRACT + "test_a_slow_reader_is_not_stalled",
              CONTRACT + "test_a_reader_that_takes_nothing_is_stalled",
              "`slow_client`, `slow_upstream`", "stall_seconds"),
        Limit("bytes that the kernel takes and has not sent",
              kib(CLIENT_WIRE.not_sent_low_water or 0),
              CONTRACT + "test_the_kernel_is_told_to_hold_little",
              CONTRACT + "test_the_kernel_is_told_to_hold_little", "-", "not_sent_low_water"),
        Limit("silence before a ping", f"{CLIENT_WIRE.ping_interval:g} s; upstream "
              f"{UPSTREAM_WIRE.ping_interval:g} s", CONTRACT + "test_any_byte_counts_as_life",
              CONTRACT + "test_a_silent_peer_is_gone_after_a_ping_and_its_deadline",
              "`client_gone`, `upstream_lost`", "ping_interval"),
        Limit("silence after a ping", f"{CLIENT_WIRE.ping_timeout:g} s; upstream "
              f"{UPSTREAM_WIRE.ping_timeout:g} s", CONTRACT + "test_any_byte_counts_as_life",
              CONTRACT + "test_a_silent_peer_is_gone_after_a_ping_and_its_deadline",
              "`client_gone`, `upstream_lost`", "ping_timeout"),
        Limit("close handshake", f"{CLIENT_WIRE.close_seconds:g} s",
              ENDINGS + "test_close_after_a_long_pause_finds_the_answer_behind_much_unread",
              ENDINGS + "test_a_farewell_without_answer_ends_at_the_deadline", "1006",
              "close_seconds"),
    ]  # fmt: skip


LIMITS = (*_head(), *_frames(), *_flow())
SWITCHES = {"fast_lane"}  # no limit
FIELDS = {each.name for kind in (HeadLimits, WireLimits) for each in fields(kind)} - SWITCHES
