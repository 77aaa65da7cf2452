"""relay-client.js by itself: in a page of somebody else, and its audio classes against a relay that
the test plays."""

from __future__ import annotations

import math
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.browser.conftest import SPEECH, OpenPage, Product, start_product
from tests.browser.visit import AUDIBLE, Heard, Visit

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "app" / "web" / "static" / "relay-client"
SCENE = (Path(__file__).parent / "client-scene.js").read_text()

RATES = [16_000, 44_100, 48_000, 96_000]
HERTZ = 1000
TONE_HERTZ = 440
TONE_PEAK = 16_000 / 32_768
"""What client-scene.js plays."""
GAP = 0.002
"""Seconds without a sample above `AUDIBLE` that this tone never has."""


class Quiet(SimpleHTTPRequestHandler):
    """A web server that writes no log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def app_server(folder: Path) -> Iterator[str]:
    """A web server of somebody who builds an app on the relay."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def play(visit: Visit, body: str) -> Any:
    """The value of a function body that knows what client-scene.js defines."""
    return await visit.page.evaluate(f"async () => {{ {SCENE}\n{body} }}")


def check_is_one_tone(heard: Heard) -> None:
    """No silence within what was heard, and no sample left out: either would be a step. Counted in
    samples: a block's own time is that of the audio quantum in which it begins."""
    times = [at for at, _ in heard.blocks]
    assert all(after - before < 0.06 for before, after in pairwise(times)), "a block was silent"
    samples = [sample for _, block in heard.blocks for sample in block]
    loud = [i for i, sample in enumerate(samples) if abs(sample) > AUDIBLE]
    assert max(after - before for before, after in pairwise(loud)) / heard.rate < GAP
    steepest = 2 * math.pi * TONE_HERTZ / heard.rate * TONE_PEAK
    assert max(abs(after - before) for before, after in pairwise(samples)) < 1.2 * steepest


async def test_the_page_of_the_readme_talks(tmp_path: Path, open_page: OpenPage) -> None:
    (page,) = re.findall(r"^```html\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    shutil.copytree(CLIENT, tmp_path / "page" / "relay-client")
    with app_server(tmp_path / "page") as origin:
        product = start_product(tmp_path / "stderr.log", RELAY_ALLOWED_ORIGINS=origin)
        assert product.process.stdout is not None
        try:
            address = "http://127.0.0.1:8080"
            assert page.count(address) == 1
            (tmp_path / "page" / "index.html").write_text(page.replace(address, product.address))
            (tmp_path / "page" / "favicon.ico").touch()
            visit = await open_page(origin, microphone=SPEECH / "hello.wav")
            await visit.page.get_by_role("button", name="Talk").click()
            await visit.wait_for_event("response.done")
            transcript = (await visit.events("response.audio_transcript.done"))[0].event
            await expect(visit.page.locator("#said")).to_have_text(transcript["transcript"])
            await visit.page.wait_for_timeout(800)
            assert (await visit.heard()).audible_seconds() > 0.5
            await visit.page.get_by_role("button", name="End").click()
            await expect(visit.page.locator("#said")).to_contain_text("You closed the session.")
        finally:
            product.stop()
            product.process.stdout.close()


async def test_any_stream_is_heard_at_any_rate_in_any_format(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address)
    found = await play(
        visit,
        f"""
        const found = [];
        const stream = await toneStream({HERTZ});
        for (const sampleRate of {RATES}) {{
            const sound = new it.SoundContext({{ sampleRate }});
            const relay = fakeRelay();
            const input = new it.AudioIn({{ relay, sound }});
            await input.open({{ stream }});
            for (const session of SESSIONS) {{
                relay.hear({{ type: "session.updated", session }});
                found.push({{ sampleRate, session, ...(await measure(input, relay)) }});
            }}
            input.muted = true;
            await frames(input, 3);
            found.at(-1).muted = (await frames(input, 2)).map(({{ peak }}) => peak);
            input.close();
            await sound.close();
        }}
        return {{ found, live: stream.getTracks()[0].readyState }};
        """,
    )
    assert found["live"] == "live", "a stream of somebody else is left as it was"
    assert len(found["found"]) == 3 * len(RATES)
    for one in found["found"]:
        bytes_, rate = {"pcm16": (1920, 24_000)}.get(one["format"], (320, 8_000))
        assert one["bytes"] == [bytes_] * len(one["bytes"]), one
        assert one["hertz"] == pytest.approx(HERTZ, rel=0.03), (one, rate)
        assert 0.2 < one["peak"] <= 1
        assert one["level"] > 0.5
        assert one.get("muted", [0, 0]) == [0, 0]
    assert {one["format"] for one in found["found"]} == {"pcm16", "g711_ulaw", "g711_alaw"}


async def test_what_is_held_is_committed_and_what_is_too_short_is_not(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address)
    found = await play(
        visit,
        """
        const relay = fakeRelay();
        const input = new it.AudioIn({ relay, sound: new it.SoundContext() });
        const lost = [];
        input.on("lost", (problem) => lost.push([problem.message, problem.kind]));
        const stream = await toneStream(440);
        await input.open({ stream });
        input.mode = "off";
        await frames(input, 3);
        const before = relay.sent.length;
        input.press();
        await frames(input, 10);
        const long = await Promise.all([input.release(), input.release()]);
        input.press();
        const short = await input.release();
        await frames(input, 2);
        const types = relay.sent.map(({ type }) => type.split(".").at(-1));
        input.press();
        const closed = input.release();
        stream.getTracks()[0].dispatchEvent(new Event("ended"));
        return { before, long, short, types, closed: await closed, lost, running: input.running };
        """,
    )
    assert found["before"] == 0
    assert (found["long"], found["short"], found["closed"]) == ([True, True], False, False)
    types = found["types"]
    assert (types[0], types[-1], types.count("commit")) == ("clear", "clear", 1)
    assert types.index("commit") >= 1 + 10
    assert types.count("clear") == 2
    assert found["lost"] == [["The microphone was disconnected.", "ended"]]
    assert found["running"] is False


@pytest.mark.parametrize("delta", ["response.audio.delta", "response.output_audio.delta"])
async def test_an_answer_is_played_without_gaps_and_cut_with_one_truncate(
    product: Product, open_page: OpenPage, delta: str
) -> None:
    visit = await open_page(product.address)
    found = await play(
        visit,
        f"""
        const relay = fakeRelay();
        const output = new it.AudioOut({{ relay, sound: new it.SoundContext() }});
        const interrupted = [];
        output.on("interrupted", (one) => interrupted.push(one));
        await output.open();
        relay.answer("{delta}", "r1", "i1", 3000);
        await told(output, "started");
        await pause(700);
        const level = output.level;
        relay.hear({{ type: "input_audio_buffer.speech_started" }});
        relay.hear({{ type: "input_audio_buffer.speech_started" }});
        await pause(100);
        relay.answer("{delta}", "r1", "i1", 500, false);
        const late = output.busy;
        await pause(300);
        return {{ sent: relay.sent, interrupted, level, late, heard: output.heardMs("i1") }};
        """,
    )
    (truncate,) = found["sent"]
    (one,) = found["interrupted"]
    end = truncate.pop("audio_end_ms")
    assert truncate == {"type": "conversation.item.truncate", "item_id": "i1", "content_index": 0}
    assert one["receivedMs"] == pytest.approx(3000)
    assert found["heard"] == one["heardMs"]
    assert end == int(one["heardMs"])
    assert found["late"] is False, "late audio of an interrupted answer is dropped"
    assert found["level"] > 0.5
    heard = await visit.heard()
    assert end == pytest.approx(1000 * heard.audible_seconds(), abs=150)
    check_is_one_tone(heard)


async def test_whose_answer_it_is_decides_what_an_interruption_tells(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address)
    found = await play(
        visit,
        """
        const relay = fakeRelay();
        const output = new it.AudioOut({ relay, sound: new it.SoundContext() });
        const interrupted = [];
        output.on("interrupted", ({ item }) => interrupted.push(item));
        await output.open();
        const speech = { type: "input_audio_buffer.speech_started" };

        relay.answer("response.audio.delta", "r1", "beside", 2000, { conversation_id: null });
        await told(output, "started");
        relay.hear(speech);
        await pause(100);

        const turn_detection = { type: "server_vad", interrupt_response: false };
        relay.hear({ type: "session.updated", session: { audio: { input: { turn_detection } } } });
        relay.answer("response.audio.delta", "r2", "goes-on", 400);
        await told(output, "started");
        relay.hear(speech);
        await pause(100);
        const goesOn = output.busy;
        const { heardMs } = await told(output, "finished");

        relay.hear({ type: "session.updated", session: { output_audio_format: "g711_ulaw" } });
        relay.answer("response.audio.delta", "r3", "telephone", 500, {}, "g711_ulaw");
        const telephone = await told(output, "finished");

        output.volume = 0;
        relay.answer("response.audio.delta", "r4", "earlier", 2000);
        await pause(400);
        relay.state("waiting");
        relay.state("ready");
        relay.hear(speech);
        await pause(100);

        relay.answer("response.audio.delta", "r5", "quiet", 2000);
        await pause(100);
        relay.state("ended", { code: 1000 });
        const after = output.busy;
        return { sent: relay.sent, interrupted, goesOn, heardMs, telephone, after };
        """,
    )
    assert found["sent"] == [], "the service knows none of these items"
    assert found["interrupted"] == ["beside", "earlier"]
    assert found["goesOn"] is True
    assert found["heardMs"] == pytest.approx(400)
    assert found["telephone"] == {"item": "telephone", "heardMs": 500}
    assert found["after"] is False


async def test_the_page_says_when_the_sign_in_runs_out_and_renews_it(
    product: Product, open_page: OpenPage
) -> None:
    visit = await open_page(product.address)
    page = visit.page
    shown: list[str] = []

    def between(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def to_relay(message: str | bytes) -> None:
            shown.append(str(message))
            if len(shown) > 1:
                route.send('{"type": "relay.identity.updated", "event_id": "e", "expires_at": 1}')

        def to_page(message: str | bytes) -> None:
            route.send(message)
            if '"relay.session"' in str(message):
                warning = '{"type": "relay.warning", "event_id": "e", "limit": "identity", '
                route.send(warning + '"remaining_ms": 120000}')

        route.on_message(to_relay)
        server.on_message(to_page)

    await page.route_web_socket("**/ws", between)
    await page.reload()
    await page.click("#connect")
    notice = page.locator(".notice[data-kind=identity]")
    await expect(notice).to_contain_text("Your sign-in expires in 120 seconds.")
    await page.wait_for_timeout(300)
    assert len(shown) == 1
    assert re.search(r'"token":"ek_[\w-]{20,}"', shown[0]), "a fresh ticket"
    log = page.locator("#events li[data-type='relay.identity.update']")
    await log.locator("summary").click()
    await expect(log.locator("pre")).to_contain_text('"token": "(not shown)"')
    await page.fill("#message", "Hello!")
    await page.press("#message", "Enter")
    await expect(notice).to_have_count(0)
