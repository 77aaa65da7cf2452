"""Health for orchestrators: is the process alive, may it be sent new sessions."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from app.web.door import Door

_HEADERS = {"Cache-Control": "no-store"}


def livez() -> JSONResponse:
    """200 as long as the event loop turns, also while draining."""
    return JSONResponse({"status": "alive"}, headers=_HEADERS)


def readyz(door: Door) -> JSONResponse:
    """200 while new sessions are taken; 503 while draining, or while none could be admitted here
    (`Door.obstacle`: no shared store, no valid token), so that a balancer looks elsewhere."""
    status = "draining" if door.registry.draining else door.obstacle()
    if status is not None:
        return JSONResponse({"status": status}, 503, _HEADERS)
    return JSONResponse({"status": "ready"}, headers=_HEADERS)
