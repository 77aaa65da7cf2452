"""Health for orchestrators: is the process alive, may it be sent new sessions."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from app.web.door import Door

_HEADERS = {"Cache-Control": "no-store"}


def livez() -> JSONResponse:
    """200 as long as the event loop turns, also while draining."""
    return JSONResponse({"status": "alive"}, headers=_HEADERS)


def readyz(door: Door) -> JSONResponse:
    """200 while new sessions are taken; 503 while draining, so that a balancer looks elsewhere."""
    if door.registry.draining:
        return JSONResponse({"status": "draining"}, 503, _HEADERS)
    return JSONResponse({"status": "ready"}, headers=_HEADERS)
