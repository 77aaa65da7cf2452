"""One visit to the demo page: what a test sees, hears, and reads off the wire."""

from __future__ import annotations

import array
import base64
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, expect

AUDIBLE = 0.01
"""Samples above this (of full scale) are heard; the level of speech is ten times higher."""


@dataclass(frozen=True)
class Heard:
    """What was sent to the loudspeaker. `blocks`: (seconds on the audio clock, samples)."""

    rate: int
    blocks: list[tuple[float, list[float]]]

    def audible_seconds(self, since: float = 0.0) -> float:
        """From the first audible sample to the last, pauses between words included."""
        times = self._audible_times(since)
        return times[-1] - times[0] if times else 0.0

    def sounding_seconds(self) -> float:
        """The time in which there was sound, counted in blocks: waiting is left out."""
        return sum(len(samples) for _, samples in self.blocks) / self.rate

    def last_audible(self, before: float = float("inf")) -> float:
        """When the last audible sample before a moment was played; 0.0 if there was none."""
        return max((at for at in self._audible_times(0.0) if at < before), default=0.0)

    def first_audible(self, after: float) -> float | None:
        """When something became audible after a moment."""
        return min(self._audible_times(after), default=None)

    def _audible_times(self, since: float) -> list[float]:
        return [
            at + i / self.rate
            for at, samples in self.blocks
            for i, sample in enumerate(samples)
            if abs(sample) > AUDIBLE and at + i / self.rate >= since
        ]


@dataclass(frozen=True)
class WireEvent:
    """An event as it crossed the WebSocket. `at`: seconds on the audio clock."""

    way: str
    at: float
    event: dict[str, Any]

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event["type"])


@dataclass
class Visit:
    """A page with its recorder. `complaints`: console errors and uncaught exceptions."""

    page: Page
    complaints: list[str]

    def hear(self, kind: str, text: str) -> None:
        """Called for each console message."""
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    async def wait_until(self, expression: str, seconds: float = 20.0) -> None:
        """Wait for a JavaScript expression over `events`, the wire so far, to be true."""
        # As a string, `wait_for_function` would need eval, which the page's policy forbids.
        await self.page.wait_for_function(
            f"() => {{ const events = window.__recording.events; return {expression}; }}",
            timeout=1000 * seconds,
        )

    async def wait_for_event(self, type_: str, count: int = 1, seconds: float = 20.0) -> None:
        """Wait until `count` events of a type have crossed the wire."""
        condition = f"events.filter((one) => one.event.type === '{type_}').length >= {count}"
        await self.wait_until(condition, seconds)

    async def wait_for_quiet(self, seconds: float = 20.0) -> None:
        """Wait until the answer has been played to its end."""
        await expect(self.page.locator("#stop")).to_be_disabled(timeout=1000 * seconds)

    async def events(self, type_: str | None = None) -> list[WireEvent]:
        """What crossed the wire, oldest first."""
        raw = await self.page.evaluate("() => window.__recording.events")
        all_ = [WireEvent(one["way"], one["at"], one["event"]) for one in raw]
        return [one for one in all_ if type_ is None or one.type == type_]

    async def heard(self) -> Heard:
        """What was played so far."""
        raw = await self.page.evaluate(
            """() => {
                const { rate, blocks } = window.__recording;
                const bytes = (samples) => new Uint8Array(samples.buffer);
                const text = (samples) => btoa(Array.from(bytes(samples), (byte) =>
                    String.fromCharCode(byte)).join(""));
                const heard = (samples) => samples.some((sample) => Math.abs(sample) > 0.001);
                const loud = blocks.filter(({ samples }) => heard(samples));
                return { rate, blocks: loud.map(({ at, samples }) => [at, text(samples)]) };
            }"""
        )
        blocks = [
            (at, array.array("f", base64.b64decode(text)).tolist()) for at, text in raw["blocks"]
        ]
        return Heard(int(raw["rate"]), sorted(blocks, key=lambda block: block[0]))

    async def violations(self) -> list[str]:
        """Breaches of the content security policy."""
        return list(await self.page.evaluate("() => window.__recording.violations"))


def audio_seconds(events: list[WireEvent], item_id: str) -> float:
    """How much audio of an item arrived (24 kHz, 16 bit)."""
    deltas = [one.event for one in events if one.type == "response.audio.delta"]
    mine = [event["delta"] for event in deltas if event["item_id"] == item_id]
    return sum(len(base64.b64decode(delta)) for delta in mine) / 48_000
