"""A person talks to the product: a real Chromium with a microphone that plays recorded speech.

What is asserted is what the browser *played*, read from its Web Audio graph, and what crossed the
WebSocket.
"""

from __future__ import annotations

import asyncio
import json
import re
import wave
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.conftest import SPEECH, OpenPage, Product, start_product
from tests.browser.slow_line import slow_line
from tests.browser.visit import Visit, audio_seconds

HELLO = SPEECH / "hello.wav"
INTERRUPTION = SPEECH / "interruption.wav"

SLOW = 48_000
"""Bytes a second: less than speech needs (64,000 as base64), so playback must wait for it."""

NETWORK_SLACK = 0.5
"""Seconds by which what was played may differ from what arrived: silence at both ends of a clip."""


def turn(page: Page, role: str, number: int = 0) -> Locator:
    return page.locator(f"#turns .turn.{role}").nth(number)


async def say(visit: Visit, text: str) -> None:
    await visit.page.fill("#message", text)
    await visit.page.press("#message", "Enter")


async def check_answer_was_played(visit: Visit, number: int = 0) -> None:
    """The answer's sound was played once, whole, without a gap of its own making."""
    events = await visit.events()
    items = list(
        dict.fromkeys(one.event["item_id"] for one in events if one.type == "response.audio.delta")
    )
    received = audio_seconds(events, items[number])
    begun = next(
        one.at
        for one in events
        if one.event.get("item_id") == items[number] and one.type == "response.audio.delta"
    )
    heard = (await visit.heard()).audible_seconds(since=begun)
    assert received > 0.5
    assert received - 2 * NETWORK_SLACK < heard < received + NETWORK_SLACK


async def test_a_person_talks_and_hears_an_answer(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address, microphone=HELLO)
    page = visit.page
    await page.click("#talk")
    await expect(page.locator("#now")).to_have_text("Listening. Just speak.")
    await visit.wait_for_event("input_audio_buffer.speech_stopped")
    await visit.wait_for_event("response.done")
    await visit.wait_for_quiet()

    await check_answer_was_played(visit)
    await expect(turn(page, "user").locator(".words")).not_to_have_text("")
    await expect(turn(page, "user")).to_have_class("turn user done")
    await expect(turn(page, "assistant")).to_have_class("turn assistant done")
    transcript = (await visit.events("response.audio_transcript.done"))[0].event["transcript"]
    await expect(turn(page, "assistant").locator(".words")).to_have_text(transcript)
    await expect(page.locator("#latency-sound")).to_contain_text("ms")
    assert await visit.events("conversation.item.truncate") == []
    assert await visit.violations() == []


async def test_talking_over_the_answer_stops_it(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address, microphone=INTERRUPTION)
    page = visit.page
    await page.click("#talk")
    await visit.wait_for_event("input_audio_buffer.speech_started", count=2)
    await visit.wait_for_event("conversation.item.truncated")
    await expect(turn(page, "assistant").locator("del")).not_to_have_text("")
    await visit.wait_for_event("input_audio_buffer.speech_stopped", count=2)
    await visit.wait_for_event("response.done", count=2)
    await visit.wait_for_quiet()

    events = await visit.events()
    interrupted_at = [one.at for one in events if one.type == "input_audio_buffer.speech_started"][
        1
    ]
    truncates = [one for one in events if one.type == "conversation.item.truncate"]
    assert len(truncates) == 1
    event = truncates[0].event
    assert event["content_index"] == 0
    received_ms = 1000 * audio_seconds(events, event["item_id"])
    assert 0 < event["audio_end_ms"] < received_ms
    assert [one.event for one in events if one.type == "error"] == []

    heard = await visit.heard()
    answered_again = [one.at for one in events if one.type == "response.created"][1]
    silent_since = heard.last_audible(before=answered_again)
    assert silent_since - interrupted_at < 0.3
    first_sound = heard.first_audible(0.0)
    assert first_sound is not None
    played_ms = 1000 * (silent_since - first_sound)
    assert event["audio_end_ms"] == pytest.approx(played_ms, abs=400)
    assert heard.first_audible(answered_again) is not None


async def test_a_typed_message_is_answered_aloud(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    await say(visit, "Hello, who are you?")
    await visit.wait_for_event("response.done")
    await visit.wait_for_quiet()

    await check_answer_was_played(visit)
    await expect(turn(visit.page, "user").locator(".words")).to_have_text("Hello, who are you?")
    await expect(turn(visit.page, "assistant").locator(".words")).not_to_have_text("")
    await expect(visit.page.locator("#message")).to_have_value("")


async def test_typing_during_an_answer_interrupts_it(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    await say(visit, "Tell me a story.")
    await expect(visit.page.locator("#now")).to_have_text("Speaking.")
    await visit.page.wait_for_timeout(400)
    await say(visit, "Hello!")
    await visit.wait_for_event("conversation.item.truncated")
    await visit.wait_for_event("response.done", count=2)
    await visit.wait_for_quiet()

    events = await visit.events()
    assert len([one for one in events if one.type == "conversation.item.truncate"]) == 1
    assert [one.event for one in events if one.type == "error"] == []
    await expect(turn(visit.page, "assistant", 0).locator("del")).not_to_have_text("")
    await expect(turn(visit.page, "assistant", 1)).to_have_class("turn assistant done")


async def test_an_answer_over_a_slow_line_is_played_whole(
    product: Product, open_page: OpenPage
) -> None:
    async with slow_line(product.address, bytes_per_second=SLOW) as address:
        visit = await open_page(address)
        await say(visit, "Who are you?")
        await visit.wait_for_event("response.done", seconds=40)
        await visit.wait_for_quiet()

    events = await visit.events()
    deltas = [one for one in events if one.type == "response.audio.delta"]
    received = audio_seconds(events, deltas[0].event["item_id"])
    assert deltas[-1].at - deltas[0].at > received, "the line was not slow"
    heard = await visit.heard()
    assert heard.audible_seconds() > received - 2 * NETWORK_SLACK
    assert heard.sounding_seconds() == pytest.approx(received, abs=2.0)
    assert [one.event for one in events if one.type == "error"] == []


async def test_stop_silences_the_answer(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    await say(visit, "Tell me a story.")
    await expect(visit.page.locator("#now")).to_have_text("Speaking.")
    await visit.page.wait_for_timeout(400)
    await visit.page.click("#stop")
    await visit.wait_for_event("conversation.item.truncated")
    await visit.wait_for_quiet()
    stopped_at = (await visit.events("conversation.item.truncate"))[0].at
    await visit.page.wait_for_timeout(800)

    assert (await visit.heard()).last_audible() - stopped_at < 0.3
    assert len(await visit.events("conversation.item.truncate")) == 1


async def test_hold_to_talk_sends_what_was_held(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address, microphone=HELLO)
    page = visit.page
    await page.focus("#hold")
    await page.keyboard.down(" ")
    await expect(page.locator("#now")).to_have_text("Recording. Release to send.")
    await page.wait_for_timeout(4200)
    await page.keyboard.up(" ")
    await visit.wait_for_event("response.done")
    await visit.wait_for_quiet()

    types = [one.type for one in await visit.events()]
    assert "input_audio_buffer.speech_started" not in types
    assert types.count("input_audio_buffer.commit") == 1
    assert types.count("response.create") == 1
    await check_answer_was_played(visit)
    await expect(turn(page, "user")).to_have_class("turn user done")


async def test_clock_events_and_badges_tell_what_this_is(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address)
    page = visit.page
    await page.click("#connect")
    await expect(page.locator("#state-text")).to_have_text("Connected")
    for badge in ("EMBEDDED", "DEV", "guided"):
        await expect(page.locator("#badges")).to_contain_text(badge)
    await expect(page.locator("#clock-time")).to_contain_text("29:")
    before = await page.inner_text("#clock-time")
    await expect(page.locator("#clock-time")).not_to_have_text(before)
    await expect(page.locator("#events li[data-type='session.created']")).to_have_count(1)

    await page.fill("#event-filter", "relay.session")
    await expect(page.locator("#events li")).to_have_count(1)
    await expect(page.locator("#event-count")).to_contain_text("1 of ")
    await page.click("#events summary")
    await expect(page.locator("#events pre")).to_contain_text('"upstream": "embedded"')
    async with page.expect_download() as download:
        await page.click("#event-download")
    file = await (await download.value).path()
    lines = await asyncio.to_thread(file.read_text)
    assert [json.loads(line)["event"]["type"] for line in lines.splitlines()] == ["relay.session"]


async def test_the_policy_answers_in_words(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    page = visit.page
    await page.click("#tab-settings")
    await page.select_option("#voice", "coral")
    await expect(page.locator("#voice-answer")).to_have_text("The voice is now coral.")
    await page.fill("#instructions", "Talk like a pirate.")
    await page.click("#instructions-send")
    await expect(page.locator("#instructions-answer")).to_contain_text(
        "ignored session.instructions"
    )
    await expect(page.locator("#policy-badge")).to_have_text("policy ignored 1 setting")
    await page.click("#policy-badge")
    await expect(page.locator("#policy-list")).to_contain_text("session.instructions was ignored")


async def test_a_filter_without_a_match_says_so(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    page = visit.page
    nothing = page.locator("#event-nothing")
    await expect(nothing).to_contain_text("once you connect")
    await page.click("#connect")
    await expect(page.locator("#state-text")).to_have_text("Connected")
    await expect(nothing).to_be_hidden()
    await page.fill("#event-filter", "no such event")
    await expect(nothing).to_have_text("No event matches this filter.")
    await expect(page.locator("#event-count")).to_have_text(re.compile(r"^0 of [1-9]\d* events$"))


async def test_a_voice_that_comes_too_late_is_for_the_next_session(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address)
    page = visit.page
    await say(visit, "Hello!")
    await visit.wait_for_event("response.done")
    await page.click("#tab-settings")
    voice = await page.input_value("#voice")
    other = "coral" if voice != "coral" else "sage"
    await page.select_option("#voice", other)
    answer = page.locator("#voice-answer")
    await expect(answer).to_have_text(
        "The voice cannot change once the model has spoken. Disconnect and connect again to use it."
    )
    await expect(page.locator("#voice")).to_have_value(voice)
    await expect(page.locator("#notices .notice")).to_have_count(0)

    await page.click("#connect")
    await expect(page.locator("#connect")).to_have_text("Reconnect")
    await page.click("#connect")
    await expect(answer).to_have_text(f"The voice is now {other}.")
    await expect(page.locator("#voice")).to_have_value(other)


async def test_a_name_that_changes_says_why(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    page = visit.page
    answer = page.locator("#sign-in [data-name-answer]")
    await expect(page.locator("#sign-in .hint")).to_have_text(
        "Letters, digits, dot, dash, underscore."
    )
    await page.fill("#name", "Ada Lovelace!")
    await page.press("#name", "Tab")
    await expect(page.locator("#name")).to_have_value("AdaLovelace")
    await expect(answer).to_contain_text("“Ada Lovelace!” became “AdaLovelace”")
    await page.fill("#name", "Ada")
    await expect(answer).to_be_empty()
    await page.reload()
    await expect(page.locator("#name")).to_have_value("Ada")


@pytest.mark.parametrize("reading", [False, True], ids=["at its end", "scrolled up"])
async def test_a_notice_does_not_cover_the_end_of_the_transcript(
    product: Product, open_page: OpenPage, *, reading: bool
) -> None:
    visit = await open_page(product.address, height=560)
    page = visit.page
    for number in range(1, 4):
        await say(visit, "Tell me a story.")
        await visit.wait_for_event("response.created", count=number)
    await visit.wait_for_event("response.done", count=3)
    await page.click("#stop")
    left = """() => {
        const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#scroll");
        return scrollHeight - scrollTop - clientHeight;
    }"""
    assert await page.evaluate(left) < 2
    if reading:
        await page.evaluate("() => { document.querySelector('#scroll').scrollTop = 10; }")
        await page.wait_for_timeout(200)
    high = "() => document.querySelector('#scroll').clientHeight"
    before = await page.evaluate(high)
    await page.evaluate(
        """async () => {
            const { NoticesView } = await import("/view-notices.js");
            new NoticesView().show({ kind: "test", title: "Something happened.", remedy: "Do." });
        }"""
    )
    await page.wait_for_timeout(200)
    assert await page.evaluate(high) < before - 20, "the notice took no room"
    if reading:
        assert await page.evaluate("() => document.querySelector('#scroll').scrollTop") == 10
    else:
        assert await page.evaluate(left) < 2


async def test_a_blocked_microphone_is_said_in_words(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address, blocked=True)
    page = visit.page
    await page.click("#talk")
    await expect(page.locator("#notices")).to_contain_text("The microphone is blocked.")
    await expect(page.locator("#talk")).to_have_attribute("aria-pressed", "false")
    await page.get_by_role("button", name="Run self-check").click()
    await expect(page.locator("[data-check=permission]")).to_have_class("bad")
    await expect(page.locator("#check-verdict")).to_contain_text(
        "must be solved first", timeout=15_000
    )


async def test_the_self_check_ticks_only_what_it_knows(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address, microphone=HELLO)
    page = visit.page
    await page.evaluate(
        "() => { navigator.permissions.query = async () => ({ state: 'prompt' }); }"
    )
    seen = await page.evaluate(
        """async () => {
            const row = document.querySelector("[data-check=permission]");
            const seen = [];
            new MutationObserver(() => {
                const found = row.querySelector(".found")?.textContent ?? "";
                seen.push([row.className, row.querySelector(".mark").textContent, found]);
            }).observe(row, { childList: true });
            document.querySelector("#tab-check").click();
            document.querySelector("#check-run").click();
            while (document.querySelector("#check-verdict").textContent === "")
                await new Promise((resolve) => setTimeout(resolve, 50));
            return seen;
        }"""
    )
    assert ["unknown", "?", "Not asked yet: the browser will ask."] in seen
    assert seen[-1] == ["ok", "✓", "Allowed."]


async def test_the_self_check_finds_everything_in_place(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address, microphone=HELLO)
    await visit.page.click("#tab-check")
    await visit.page.click("#check-run")
    words = "Everything is in place. Press Talk and speak."
    await expect(visit.page.locator("#check-verdict")).to_have_text(words, timeout=20_000)
    assert (await visit.heard()).audible_seconds() > 0.2


async def test_a_silent_microphone_is_noticed(
    product: Product, open_page: OpenPage, tmp_path: Path
) -> None:
    visit = await open_page(product.address, microphone=_silence(tmp_path / "silence.wav"))
    await visit.page.click("#talk")
    words = "The microphone delivers only silence."
    await expect(visit.page.locator("#notices")).to_contain_text(words, timeout=12_000)
    await visit.page.click("#connect")
    await expect(visit.page.locator("#state-text")).to_have_text("Disconnected")
    await expect(visit.page.locator("#notices")).to_be_empty()


async def test_a_relay_that_goes_away_is_said_and_tried_again(
    own_product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(own_product.address)
    page = visit.page
    await page.click("#connect")
    await expect(page.locator("#state-text")).to_have_text("Connected")
    own_product.stop()
    await expect(page.locator("#state-text")).to_contain_text("Trying again", timeout=15_000)
    await expect(page.get_by_role("button", name="Try now")).to_be_visible()
    await page.wait_for_timeout(2500)
    await expect(page.locator("#notices")).to_contain_text("cannot be reached")
    # The browser itself reports refused requests in the console; that is not the page's doing.
    visit.complaints[:] = [one for one in visit.complaints if "net::ERR" not in one]


async def test_the_time_limit_names_the_button_that_begins_anew(
    tmp_path: Path, open_page: OpenPage
) -> None:
    short = start_product(tmp_path / "stderr.log", RELAY_SESSION_MAX_SECONDS="5")
    assert short.process.stdout is not None
    try:
        visit = await open_page(short.address)
        page = visit.page
        await page.click("#connect")
        ended = page.locator(".notice[data-kind=ended]")
        await expect(ended).to_contain_text("maximum duration", timeout=15_000)
        label = await page.inner_text("#connect")
        await expect(ended.locator("span")).to_have_text(f"Start a new one with {label}.")
        await expect(ended.get_by_role("button", name=label)).to_be_visible()
        await expect(page.locator("#state-text")).to_have_text("Disconnected")
    finally:
        short.stop()
        short.process.stdout.close()


async def test_a_refused_sign_in_is_not_tried_again(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    page = visit.page
    asked = 0

    async def stale(route: Route) -> None:
        nonlocal asked
        asked += 1
        answer = await route.fetch()
        body = await answer.json()
        body["value"] = "ek_" + "0" * len(body["value"])
        await route.fulfill(response=answer, json=body)

    await page.route("**/tickets", stale)
    await page.click("#talk")
    await expect(page.locator("#state-text")).to_have_text("Disconnected")
    await expect(page.locator("#notices")).to_contain_text("did not accept the sign-in")
    await expect(page.get_by_role("button", name="Reconnect").first).to_be_visible()
    await page.wait_for_timeout(2500)
    assert asked == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_pictures_for_the_eye(
    product: Product, open_page: OpenPage, artifacts: Path, width: int, dark: bool
) -> None:
    visit = await open_page(
        product.address, width=width, height=800 if width == 1280 else 844, dark=dark
    )
    page = visit.page
    name = f"{width}-{'dark' if dark else 'light'}"
    await page.screenshot(path=artifacts / f"welcome-{name}.png")
    await say(visit, "Hello, who are you?")
    await visit.wait_for_event("response.done")
    await page.wait_for_timeout(300)
    await page.screenshot(path=artifacts / f"talk-{name}.png")
    for tab in ("events", "check", "settings"):
        await page.click(f"#tab-{tab}")
        await page.screenshot(path=artifacts / f"{tab}-{name}.png")
    overflow = await page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, "the page scrolls sideways"


async def test_every_control_has_a_name(product: Product, open_page: OpenPage) -> None:
    visit = await open_page(product.address)
    nameless = await visit.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea")]
            .filter((one) => one.checkVisibility())
            .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []


def _silence(path: Path) -> Path:
    """Thirty seconds of digital silence, 48 kHz mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000 * 30))
    return path
