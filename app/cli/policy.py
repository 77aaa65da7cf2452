"""`policy explain`: one event in, the verdict and the very bytes that would go upstream out."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from app.cli.differences import DROPPED
from app.cli.explaining import Explained, explain
from app.cli.running import UNUSABLE, CannotStart, read_settings
from app.policy.policy import Profile
from app.protocol.close_reasons import ENDINGS, CloseReason
from app.protocol.names import Dialect
from app.session.terms import Terms
from app.settings import Settings
from app.settings.policy_file import PolicyFile
from app.settings.policy_values import near
from app.settings.session_groups import Opening, Rules
from app.settings.upstream_values import dialect_of

out = Console(highlight=False, soft_wrap=True)

USED = frozenset(
    {*Rules.model_fields, *Opening.model_fields, "max_message_bytes", "upstream_dialect"}
)
"""The settings that a verdict depends on: upstream and sign-in need not be set up."""

REFUSED = 1
_FAULTS = ("refused", "unreadable")
_COLOURS = {"allowed": "green", "rewritten": "yellow", "answered": "yellow", "ignored": "dim"}
_MEANS = {
    "allowed": "it goes upstream as it was asked for",
    "rewritten": "it goes upstream with the changes below, and there is no error",
    "answered": "nothing of it goes upstream: the relay answers with session.updated itself, and "
    "there is no error",
    "ignored": "there is nothing to do, and nothing is said",
    "refused": "it does not go upstream; the client gets an error",
    "unreadable": "it is no event; the client gets an error",
}
_MORE = "it goes upstream with what the operator adds to it"
_NO_TEXT = "the wire takes it for no text message: the client gets an error, and the session ends "
_SHOWN = 200
"""Characters of a value that are printed beside its path; the whole of it stands in the frame."""


def explain_event(
    environ: dict[str, str], source: str, *, profile: str | None = None, as_json: bool = False
) -> int:
    """`source` is a path, or `-` for standard input. The exit status: 0 no error (it goes on, or
    the relay answers), 1 refused, 2 the input is no event."""
    settings = read_settings(environ, only=USED)
    frame = _read(source, settings.max_message_bytes)
    chosen = _chosen(settings, profile)
    file = settings.policy_file or PolicyFile()
    explained = explain(frame, _terms(settings, chosen), lambda row: file.line_of(chosen, row))
    if as_json:
        print(json.dumps(_for_programs(explained)))  # noqa: T201
    else:
        _tell(explained)
    if explained.verdict == "unreadable":
        return UNUSABLE
    return REFUSED if explained.verdict == "refused" else 0


def _read(source: str, most: int) -> bytes:
    try:
        if source == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(most + 1)
    except OSError as error:
        raise CannotStart(f"{source} cannot be read ({error.strerror}).") from None
    if len(content) > most:
        raise CannotStart(
            f"{source} is larger than {most} bytes (RELAY_MAX_MESSAGE_BYTES): such a message ends "
            "the session with message_too_big."
        )
    return content


def _chosen(settings: Settings, profile: str | None) -> Profile:
    if profile is None:
        return settings.profile_rule().named()[0]
    words = tuple(one.value for one in Profile)
    if profile not in words:
        raise CannotStart(
            f"There is no profile {profile[:40]!r}{near(profile, words)}: {', '.join(words)}."
        )
    return Profile(profile)


def _terms(settings: Settings, profile: Profile) -> Terms:
    return Terms(
        session_id="sess_explain",
        seed="explain",
        policy=settings.policy(profile),
        configuration=settings.configuration(profile),
        limits=settings.limits(),
        expires_at=0,
        model="explain",
        upstream_dialect=_upstream_dialect(settings),
    )


def _upstream_dialect(settings: Settings) -> Dialect:
    """Upstream need not be set up; until it is, it speaks the preview."""
    told = settings.upstream_dialect or settings.azure_openai_endpoint
    return dialect_of(settings) if told else Dialect.PREVIEW


def _for_programs(explained: Explained) -> dict[str, Any]:
    told = asdict(explained)
    for side in ("upstream", "client"):
        frame = told[side]
        told[side] = None if frame is None else frame.decode()
    return told


def _tell(explained: Explained) -> None:
    colour = _COLOURS.get(explained.verdict, "red")
    verdict = Text.assemble(
        (explained.verdict.upper(), colour), f"  {explained.event} in profile {explained.profile}"
    )
    out.print(verdict)
    _line(_meaning(explained))
    if explained.verdict in _FAULTS:
        _line(explained.why)
        _line(_ruled(explained.rule, explained.by, ""))
    else:
        _line(_ruled(explained.rule, explained.by, explained.why))
    for one in explained.touched:
        what = "stripped" if one.value is None else f"changed to {json.dumps(one.value)}"
        out.print()
        out.print(Text(f"{one.path}: {what}", style="yellow"))
        _line(_ruled(one.rule, one.by, one.why))
        if one.fix:
            _line(f"the operator: {one.fix}")
    for other in explained.further:
        value = "" if other.what == DROPPED else f" = {_short(other.value)}"
        out.print(Text(f"{other.what}: {other.path}{value}", style="yellow"))
    for would in explained.would:
        out.print(Text(f"report mode: {would}", style="yellow"))
    for assumed in explained.assumed:
        out.print(Text(f"assumed: {assumed}", style="dim"))
    _frame("goes upstream", explained.upstream)
    _frame("the client gets", explained.client)
    if explained.relay:
        _frame("the client reads in `relay`", json.dumps(explained.relay).encode())


def _meaning(explained: Explained) -> str:
    if explained.verdict == "unreadable" and explained.client is None:
        return f"{_NO_TEXT}with close code {ENDINGS[CloseReason.INVALID_TEXT].close_code}"
    grown = explained.verdict == "allowed" and explained.further
    return _MORE if grown else _MEANS[explained.verdict]


def _ruled(rule: str, by: str, why: str) -> str:
    return f"rule {rule}{f', {by}' if by else ''}{f': {why}' if why else ''}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _line(text: str) -> None:
    out.print(Text(f"  {text}"))


def _frame(title: str, frame: bytes | None) -> None:
    if frame is None:
        return
    out.print()
    out.print(Text(f"{title}:", style="bold"))
    # As it is: a frame that was wrapped or coloured is no frame.
    out.print(Text(frame.decode()), no_wrap=True, overflow="ignore", crop=False)
