"""What the second grammar is made of: the world in which a client speaks, and small rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Illegal(AssertionError):  # noqa: N818  (a finding)
    """Upstream was told something that the policy does not let through."""


@dataclass(frozen=True)
class World:
    """What is true of one session: its profile, what its client was shown, what is forced.

    `preview`: upstream speaks the preview spelling. `listens`: the operator moderates or
    transcribes. `root`: what "before the first visible item" means upstream. `tools` are the
    operator's tools of the client, `hidden_tools` those that run on the server; both by name.
    `pictures`: upstream's dialect has them, or its fault is the client's own affair, because both
    speak that dialect. `said_ids` are the texts that the client itself sent. `rows` are those that
    the operator has opened (true) or shut. `calls` have no answer yet, `text_left` is what may
    still be written. `lent` is the id that the relay gave to the event that is being read.
    """

    profile: str
    preview: bool = True
    items: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    spoken: frozenset[str] = frozenset()
    responses: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    root: str = "root"
    pcm16: bool = True
    history: bool = False
    transcription_model: str | None = None
    moderates: bool = False
    create_response: bool | None = None
    voices: tuple[str, ...] = ()
    languages: tuple[str, ...] | None = None
    tools: dict[str, Any] = field(default_factory=dict)
    hidden_tools: dict[str, Any] = field(default_factory=dict)
    most_tokens: int = 4096
    pictures: bool = True
    said_ids: frozenset[str] = frozenset()
    modalities: tuple[str, ...] = ("audio", "text")
    interrupt_response: bool | None = None
    rows: Mapping[str, bool] = field(default_factory=dict)
    text_left: int = 10**9
    lent: str | None = None

    def opens(self, row: str, otherwise: bool) -> bool:
        """Whether the row is open: as its operator says, or else as its profile does."""
        return self.rows.get(row, otherwise)

    @property
    def locked(self) -> bool:
        return self.profile == "locked"

    @property
    def guided(self) -> bool:
        return self.profile == "guided"

    @property
    def opened(self) -> bool:
        return self.profile == "open"

    @property
    def listens(self) -> bool:
        return self.moderates or self.transcription_model is not None


def exactly(value: Any, *, required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """An object with these keys and no other."""
    if not isinstance(value, dict):
        raise Illegal("no object")
    must, may = set(required), set(optional)
    if missing := must - value.keys():
        raise Illegal(f"without {missing}")
    if more := value.keys() - must - may:
        raise Illegal(f"with {more}")


def one_of(value: Any, *allowed: str) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise Illegal(f"none of {allowed}")


def whole(value: Any) -> int:
    if type(value) is not int:
        raise Illegal("no integer")
    return value


def number_in(value: Any, low: float, high: float) -> None:
    if type(value) not in (int, float) or not low <= value <= high:
        raise Illegal(f"not within {low} and {high}")


def flag(value: Any) -> None:
    if type(value) is not bool:
        raise Illegal("neither true nor false")


def text(value: Any, most: int) -> None:
    if not isinstance(value, str) or len(value) > most:
        raise Illegal(f"no text of at most {most} characters")
