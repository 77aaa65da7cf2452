"""The whole test suite runs with the fast lane and without it: TEST_FAST_LANE=off is the latter."""

from __future__ import annotations

import os

from app.wire import wire


def fast_lane() -> bool:
    """Whether the relays under test have their lane."""
    return os.environ.get("TEST_FAST_LANE", "on") != "off"


def close_lane() -> None:
    """From here on, wires of this process have none, unless a test asks for one."""
    for limits in (wire.CLIENT_WIRE, wire.UPSTREAM_WIRE):
        object.__setattr__(limits, "fast_lane", False)
    *others, last = wire.WireLimits.__init__.__defaults__ or ()
    names = list(wire.WireLimits.__dataclass_fields__)
    defaults = [*others, last]
    defaults[names.index("fast_lane")] = False
    wire.WireLimits.__init__.__defaults__ = tuple(defaults)
