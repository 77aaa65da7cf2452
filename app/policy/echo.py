"""Did upstream take our configuration? Our own `session.update` against the echo of it. PURE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EchoComparison:
    """Fields (internal spelling) in which the echo differs from what was sent.

    `fatal`: the instructions or the names of the tools; the session must not begin. `differing`:
    anything else, to be logged, because a service may normalise what it was told.
    """

    fatal: tuple[str, ...]
    differing: tuple[str, ...]


def compare_echo(sent: dict[str, Any], echoed: dict[str, Any]) -> EchoComparison:
    """Compares the `session` objects of our update and of upstream's `session.updated`, both in
    the internal spelling. Only what was sent is compared."""
    fatal: list[str] = []
    if "instructions" in sent and echoed.get("instructions") != sent["instructions"]:
        fatal.append("session.instructions")
    if "tools" in sent and _names(echoed.get("tools")) != _names(sent["tools"]):
        fatal.append("session.tools")
    rest = {
        key: value for key, value in sent.items() if key not in ("type", "instructions", "tools")
    }
    return EchoComparison(tuple(fatal), tuple(_differing("session", rest, echoed)))


def _names(tools: Any) -> list[str]:
    entries = tools if isinstance(tools, list) else []
    return sorted(str(tool.get("name")) for tool in entries if isinstance(tool, dict))


def _differing(path: str, sent: dict[str, Any], echoed: Any) -> Iterator[str]:
    for key, value in sent.items():
        there = echoed.get(key) if isinstance(echoed, dict) else None
        if isinstance(value, dict) and isinstance(there, dict):
            yield from _differing(f"{path}.{key}", value, there)
        elif value != there:
            yield f"{path}.{key}"
