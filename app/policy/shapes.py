"""Value rules of single settings: what is kept, clamped, dropped or refused. PURE.

A shape never returns the client's own container: objects are built anew from named keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.policy.findings import Fault, Findings, Kept, Shaped, too_long, wrong_type, wrong_value
from app.protocol.names import Dialect
from app.protocol.session_object import PREVIEW_FORMATS, format_name

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512

Shape = Callable[[Any, str, str, Findings], Shaped]
"""`shape(value, path, rule, findings)`: `path` is internal, `rule` the row's name for hints."""


def is_number(value: object) -> bool:
    """An integer or a float; a boolean is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: object) -> bool:
    """An integer; a boolean is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def clamped(
    value: Any, low: float, high: float, path: str, rule: str, findings: Findings
) -> int | float:
    """`value` (a number) within the range; the developer is told where it was moved."""
    inside: int | float = min(max(value, low), high)
    if inside != value:
        findings.change(path, inside, rule)
    return inside


def instructions(value: Any, path: str, _rule: str, findings: Findings) -> Shaped:
    """A text, no longer than the operator allows."""
    most = findings.policy.instructions_characters
    if not isinstance(value, str):
        return wrong_type(path, "a string")
    return Kept(value) if len(value) <= most else too_long(path, most)


def voice(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """A voice of the operator's list. A custom voice is an object: never."""
    if isinstance(value, str) and value in findings.policy.voices:
        return Kept(value)
    if isinstance(value, str | dict):
        findings.ignore(path, rule)
        return None
    return wrong_type(path, "the name of a voice")


def audio_format(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """One of three formats. The rate follows from the type: it is forced, not taken."""
    if not isinstance(value, str | dict):
        return wrong_type(path, "an audio format")
    name = format_name(value)
    if name is None:
        if findings.sent.dialect is Dialect.PREVIEW:
            return wrong_value(path, " or ".join(f"'{known}'" for known in PREVIEW_FORMATS))
        types = (f"'{known['type']}'" for known in PREVIEW_FORMATS.values())
        return wrong_value(f"{path}.type", " or ".join(types))
    kept = dict(PREVIEW_FORMATS[name])
    if isinstance(value, dict):
        findings.ignore_others(value, kept, path, rule)
        if value.get("rate") not in (None, kept.get("rate")) and "rate" in kept:
            findings.change(f"{path}.rate", kept["rate"], rule)
    return Kept(kept)


def output_modalities(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """["audio"] (speech and its transcript) or ["text"], as far as the operator offers it."""
    if not isinstance(value, list):
        return wrong_type(path, "a list of modalities")
    if value not in (["audio"], ["text"]):
        preview = findings.sent.dialect is Dialect.PREVIEW
        speech = "['text', 'audio']" if preview else "['audio']"
        return wrong_value(path, f"{speech} or ['text']")
    if value[0] not in findings.policy.output_modalities:
        findings.ignore(path, rule)
        return None
    return Kept(list(value))


def max_output_tokens(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """A count of tokens, or "inf"; never more than the operator's cap."""
    cap = findings.policy.max_output_tokens
    if value == "inf":
        findings.change(path, cap, rule)
        return Kept(cap)
    if not is_integer(value):
        return wrong_type(path, "an integer or 'inf'")
    return Kept(clamped(value, 1, cap, path, rule, findings))


def temperature(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """A number within the operator's range."""
    return _ranged(value, findings.policy.temperature, path, rule, findings)


def speed(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """A factor of speaking speed within the operator's range."""
    return _ranged(value, findings.policy.speed, path, rule, findings)


def _ranged(
    value: Any, limits: tuple[float, float], path: str, rule: str, findings: Findings
) -> Shaped:
    if not is_number(value):
        return wrong_type(path, "a number")
    return Kept(clamped(value, *limits, path, rule, findings))


def boolean(value: Any, path: str, _rule: str, _findings: Findings) -> Shaped:
    """true or false."""
    return Kept(value) if isinstance(value, bool) else wrong_type(path, "true or false")


def session_type(value: Any, path: str, _rule: str, _findings: Findings) -> Shaped:
    """Always `realtime`, which the rebuilt session says anyway. Who asks for another kind of
    session is refused: a talking session is not what was asked for."""
    if value == "realtime":
        return None
    return wrong_value(path, "'realtime' (transcription sessions are not offered)")


def conversation(value: Any, path: str, _rule: str, _findings: Findings) -> Shaped:
    """`auto`: the default conversation; `none`: out of band."""
    return Kept(value) if value in ("auto", "none") else wrong_value(path, "'auto' or 'none'")


def metadata(value: Any, path: str, rule: str, findings: Findings) -> Shaped:
    """At most 16 pairs of strings, echoed to the client; keys `relay*` are dropped, in any case
    of their letters, and so is a key that differs from another in case alone."""
    if not isinstance(value, dict):
        return wrong_type(path, "an object of strings")
    if len(value) > METADATA_PAIRS:
        return wrong_value(path, f"at most {METADATA_PAIRS} pairs")
    for key, entry in value.items():
        fault = _pair_fault(key, entry, path)
        if fault is not None:
            return fault
    own: dict[str, str] = {}
    folded: set[str] = set()
    for key, entry in value.items():  # some readers of JSON fold case: no two keys may meet there
        if not key.casefold().startswith("relay") and key.casefold() not in folded:
            own[key] = entry
            folded.add(key.casefold())
    for key in value:
        if key not in own:
            findings.ignore(f"{path}.{key}", rule)
    return Kept(own) if own or not value else None


def _pair_fault(key: str, entry: Any, path: str) -> Fault | None:
    if len(key) > METADATA_KEY:
        return too_long(path, METADATA_KEY, "characters a key")
    if not isinstance(entry, str):
        return wrong_type(path, "strings as values")
    if len(entry) > METADATA_VALUE:
        return too_long(path, METADATA_VALUE, "characters a value")
    return None
