"""What stands around the door in its tests: a registry that records, and a page in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.auth.denied import Denied
from app.auth.dev import DevAuthenticator
from app.auth.origin import OriginRules
from app.auth.principal import Principal
from app.auth.tickets import Tickets
from app.protocol.close_reasons import CloseReason
from app.relay.registry import Opening, Refused
from app.store.memory import MemoryStore, StoreLimits
from app.store.store import TicketStore
from app.web.assets import Asset, load_assets
from app.web.door import Door
from app.web.routes import open_door
from app.wire.wire import Receiver, Wire, WireEnd

LISTED = "https://app.example.com"


class Conversation(Receiver):
    """A session at the far side of the door: greets, then echoes, then lets go."""

    def __init__(self, sessions: RecordingSessions) -> None:
        self._sessions = sessions
        self.wire: Wire | None = None
        self.abandoned: list[CloseReason] = []

    def attach(self, wire: Wire) -> None:
        if self._sessions.attach_fails:
            raise RuntimeError("planted: attach failed")
        self.wire = wire
        wire.attach(self)
        wire.send(b'{"type":"session.created"}')
        wire.start()

    def abandon(self, reason: CloseReason) -> None:
        self.abandoned.append(reason)

    def on_frame(self, frame: bytes) -> None:
        assert self.wire is not None
        self.wire.send(frame)

    def on_end(self, end: WireEnd) -> None:
        assert self.wire is not None
        self.wire.close(1000, "")

    def on_pressure(self, full: bool) -> None: ...

    def on_closed(self) -> None:
        self._sessions.closed += 1

    def on_error(self, error: Exception) -> None:
        assert self.wire is not None
        self.wire.abort()


@dataclass
class RecordingSessions:
    """Stands for the registry."""

    draining: bool = False
    refusal: Refused | None = None
    bug: Exception | None = None
    busy: asyncio.Event | None = None  # `open` waits for it
    attach_fails: bool = False
    closed: int = 0
    opened: list[tuple[Principal, Opening]] = field(default_factory=list)
    sessions: list[Conversation] = field(default_factory=list)

    async def open(self, principal: Principal, opening: Opening) -> Conversation:
        if self.busy is not None:
            await self.busy.wait()
        if self.refusal is not None:
            raise self.refusal
        if self.bug is not None:
            raise self.bug
        self.opened.append((principal, opening))
        self.sessions.append(Conversation(self))
        return self.sessions[-1]


class SilentAuthenticator:
    """An identity provider that never answers well."""

    def judge(self, bearer: str) -> None: ...

    async def authenticate(self, bearer: str) -> Principal | Denied:
        raise RuntimeError(f"planted: {bearer}")


def page_folder(root: Path) -> Path:
    """A page with a module, a worklet in a folder, and files that must stay inside."""
    page = root / "static"
    (page / "audio").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>page</title>")
    (page / "main.js").write_text("export const a = 1;")
    (page / "audio" / "worklet.mjs").write_text("registerProcessor();")
    (page / "style.css").write_text("body { color: teal; }")
    (page / "notes.py").write_text("inside = 'not served'")
    (page / ".hidden.js").write_text("not served")
    (root / "secret.js").write_text("outside")
    (page / "link.js").symlink_to(root / "secret.js")
    return page


@dataclass
class Built:
    """An app with its door, and what its tests look at."""

    app: FastAPI
    sessions: RecordingSessions
    tickets: Tickets


def build(
    *,
    page: Path | None = None,
    own: bool | None = None,
    require: bool = False,
    authenticator: Any = None,
    clock: Callable[[], float] = lambda: 1_700_000_000.0,
    store: TicketStore | None = None,
    describe: Callable[[Principal], dict[str, Any]] = lambda _: {
        "session": {"v": 1},
        "relay": {"p": "x"},
    },
    **more: Any,
) -> Built:
    """`more` are fields of the door."""
    sessions = RecordingSessions()
    kept = store or MemoryStore(clock, StoreLimits(tickets_per_owner=3))
    tickets = Tickets(kept, 30.0, clock)
    assets: dict[str, Asset] = load_assets(page) if page is not None else {}
    door = Door(
        registry=sessions,
        authenticator=authenticator or DevAuthenticator(),
        tickets=tickets,
        origins=OriginRules(frozenset({LISTED}), bool(assets) if own is None else own, require),
        describe=describe,
        assets=assets,
        **more,
    )
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    open_door(app, door)
    return Built(app, sessions, tickets)
