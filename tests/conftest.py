"""What holds for every test."""

from __future__ import annotations

from tests.harness.lane import close_lane, fast_lane

if not fast_lane():
    close_lane()
