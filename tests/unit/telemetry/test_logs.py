"""How log lines are written, and that no secret is in any of them."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from dataclasses import fields

import httpx
import pytest
import structlog
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.uri import parse_uri

from app.protocol.close_reasons import CloseReason, EndedBy
from app.telemetry.logs import QUIET, SessionSummary, configure, session_closed, user_hash

CANARY = "c4n4ryS3CR3T"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _lines(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_in_json_says_when_how_bad_and_what_first(written: io.StringIO) -> None:
    configure("json", "info", written)
    structlog.get_logger("relay").info("drain.waiting", sessions=3)
    (line,) = _lines(written)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"level": "info", "event": "drain.waiting", "logger": "relay", "sessions": 3}


def test_lines_of_libraries_come_through_the_same_renderer(written: io.StringIO) -> None:
    configure("json", "info", written)
    logging.getLogger("some.library").warning("it took %d ms", 12)
    (line,) = _lines(written)
    assert (line["event"], line["logger"]) == ("it took 12 ms", "some.library")


def test_a_warning_of_python_comes_through_the_same_renderer(written: io.StringIO) -> None:
    configure("json", "info", written)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"api-key={CANARY} is old", UserWarning, stacklevel=1)
    (line,) = _lines(written)
    assert line["logger"] == "py.warnings"
    assert CANARY not in str(line)


def test_the_format_is_console_on_a_terminal_and_json_elsewhere() -> None:
    for stream, first in ((_Terminal(), "\x1b"), (io.StringIO(), "{")):
        configure(None, "info", stream)
        structlog.get_logger("relay").info("hello")
        assert stream.getvalue().startswith(first)


def test_the_level_holds_for_our_own_lines_and_for_libraries(written: io.StringIO) -> None:
    configure("json", "error", written)
    structlog.get_logger("relay").warning("unseen")
    logging.getLogger("some.library").warning("unseen")
    logging.getLogger("websockets").warning("unseen")
    assert written.getvalue() == ""
    structlog.get_logger("relay").error("seen")
    assert len(_lines(written)) == 1


def test_configuring_again_replaces_what_was(written: io.StringIO) -> None:
    before = io.StringIO()
    configure("json", "info", before)
    logging.getLogger().addHandler(logging.StreamHandler(before))
    configure("json", "info", written)
    structlog.get_logger("relay").info("once")
    assert before.getvalue() == ""
    assert len(_lines(written)) == 1


@pytest.mark.parametrize(("format_", "level"), [("xml", "info"), ("json", "loud")])
def test_an_unknown_format_or_level_is_a_mistake_of_the_caller(format_: str, level: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        configure(format_, level)


def test_a_control_character_cannot_forge_a_line_on_the_console(written: io.StringIO) -> None:
    configure("console", "info", written)
    structlog.get_logger("relay").info("refused", origin="x\n2026 [error] forged\x1b[2J\u2028")
    assert len(written.getvalue().splitlines()) == 1
    assert "\x1b" not in written.getvalue()


def test_a_record_that_cannot_be_formatted_is_not_printed_with_its_arguments(
    written: io.StringIO,
) -> None:
    configure("json", "info", written)
    handler = logging.getLogger().handlers[-1]
    arguments = ("a", f"Bearer {CANARY}")
    handler.handle(logging.LogRecord("lib", logging.ERROR, "", 1, "%s and %d", arguments, None))
    assert CANARY not in written.getvalue()
    assert "could not be written" in written.getvalue()


# -- no secret, in any place, at any level ------------------------------------------------------


@pytest.mark.parametrize("name", QUIET)
def test_a_library_that_tells_secrets_stays_at_warning_even_at_debug(
    name: str, written: io.StringIO
) -> None:
    configure("json", "debug", written)
    for logger in (logging.getLogger(name), logging.getLogger(f"{name}.inner")):
        logger.debug(CANARY)
        logger.info(CANARY)
        assert written.getvalue() == ""
    logging.getLogger(name).warning(f"Bearer {CANARY}")
    assert CANARY not in written.getvalue()
    assert len(_lines(written)) == 1


def _talk_with_libraries() -> None:
    """What the libraries print at DEBUG when they carry a secret."""
    client = ClientProtocol(parse_uri(f"wss://upstream.example/realtime?api-key={CANARY}"))
    request = client.connect()
    request.headers = Headers({**dict(request.headers.raw_items()), "api-key": CANARY})
    client.send_request(request)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=CANARY))
    with httpx.Client(transport=transport) as http:
        http.get(f"https://issuer.example/?ticket={CANARY}", headers={"api-key": CANARY})


def test_the_libraries_would_tell_secrets_if_they_were_not_quiet(written: io.StringIO) -> None:
    """Else the test below would prove nothing."""
    configure("json", "debug", written)
    handler = logging.StreamHandler(written)
    for name in ("websockets.client", "httpx"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)
    try:
        _talk_with_libraries()
    finally:
        for name in ("websockets.client", "httpx"):
            logging.getLogger(name).removeHandler(handler)
    assert written.getvalue().count(CANARY) >= 3


@pytest.mark.parametrize("format_", ["json", "console"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_planted_secret_is_in_no_output(
    format_: str, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(format_, level)
    _talk_with_libraries()
    log = structlog.get_logger("relay")
    bearer = f"Bearer {CANARY}"
    log.debug(f"dialling with {bearer}")
    log.info("dialling %s", bearer)
    log.info("dialled", url=f"wss://r.example/openai/realtime?x={CANARY}", headers={"a": bearer})
    log.warning("odd", frame=bearer.encode(), error=ValueError(bearer), **{"api-key": CANARY})
    log.bind(ticket=CANARY).error("bound", stack_info=True)
    local = bearer
    try:
        try:
            raise ValueError(f"openai-insecure-api-key.{CANARY}")
        except ValueError as error:
            raise RuntimeError(f"api-key={local[7:]}") from error
    except RuntimeError as error:
        log.error("session.failed", exc_info=error)
        logging.getLogger("some.library").exception("it failed with %s", bearer)
    out, err = capfd.readouterr()
    assert "session.failed" in err
    assert out == ""
    assert CANARY not in err


# -- users and sessions -------------------------------------------------------------------------


def test_a_user_is_the_same_under_the_same_key_only() -> None:
    one = user_hash(b"key", "issuer|alice")
    assert one == user_hash(b"key", "issuer|alice")
    assert one != user_hash(b"other", "issuer|alice")
    assert one != user_hash(b"key", "issuer|bob")
    assert re.fullmatch("[0-9a-f]{16}", one)


def test_a_user_hash_is_the_hmac_of_rfc_4231() -> None:
    """RFC 4231, test case 2."""
    assert user_hash(b"Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e"


def _summary() -> SessionSummary:
    return SessionSummary(
        session_id="sess_1",
        user="0123456789abcdef",
        reason=CloseReason.IDLE_TIMEOUT,
        ended_by=EndedBy.LIMITS,
        phase="live",
        client_code_sent=4004,
        client_code_received=4004,
        duration_s=300.123456,
        ready_after_ms=211.98,
        dial_ms=180.04,
        verdicts={"append.allowed": 812},
        deployment="gpt-4o-realtime-preview",
    )


def test_the_line_of_a_session_holds_every_field_once(written: io.StringIO) -> None:
    configure("json", "info", written)
    session_closed(_summary())
    (line,) = _lines(written)
    assert (line["event"], line["level"]) == ("session.closed", "info")
    assert {entry.name for entry in fields(SessionSummary)} <= set(line)
    assert line["reason"] == "idle_timeout"
    assert line["ended_by"] == "limits"
    assert line["dialect"] == "preview"
    assert (line["duration_s"], line["ready_after_ms"], line["dial_ms"]) == (300.123, 212.0, 180.0)
    assert line["verdicts"] == {"append.allowed": 812}


def test_no_number_of_a_session_is_taken_for_a_secret(written: io.StringIO) -> None:
    configure("json", "info", written)
    session_closed(_summary())
    assert "***" not in written.getvalue()
