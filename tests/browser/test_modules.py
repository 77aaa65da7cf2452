"""The page's pure modules, run where they will run: in the browser, imported from the relay."""

from __future__ import annotations

import json
from typing import Any

from app.protocol.close_reasons import ENDINGS, CloseReason, close_text
from tests.browser.conftest import OpenPage, Product

IDLE = ENDINGS[CloseReason.IDLE_TIMEOUT].close_code
TIME_LIMIT = ENDINGS[CloseReason.SESSION_TIME_LIMIT].close_code


async def run(product: Product, open_page: OpenPage, module: str, body: str) -> Any:
    """The value of a JavaScript function body in which `it` is the module."""
    visit = await open_page(product.address)
    return await visit.page.evaluate(
        f"async () => {{ const it = await import('/{module}.js'); {body} }}"
    )


async def test_every_close_code_has_words_and_the_right_to_try_again(
    product: Product, open_page: OpenPage
) -> None:
    codes = sorted({ending.close_code for ending in ENDINGS.values()} | {4042, 4542, 1006})
    codes.remove(TIME_LIMIT)  # its words decide: see the next test
    body = f"return {codes}.map((code) => it.explainClose(code, ''));"
    for why in await run(product, open_page, "relay-client/close-reasons", body):
        code = why["code"]
        assert why["title"]
        # 4004 may be tried again, but by a person: nobody has said anything.
        expected = (4000 <= code < 4500 and code != IDLE) or code in (1006, 1012)
        assert why["retry"] == expected, code


async def test_only_the_time_limit_makes_1001_final(product: Product, open_page: OpenPage) -> None:
    sentence = close_text(CloseReason.SESSION_TIME_LIMIT)
    expired = {"code": ENDINGS[CloseReason.SESSION_TIME_LIMIT].error_code, "message": sentence}
    closes = [(sentence, None), ("", expired), ("Service Restart", None), ("", {"code": "other"})]
    body = f"""
        const told = {json.dumps(closes)}.map(([reason, error]) =>
            it.explainClose({TIME_LIMIT}, reason, error));
        return {{ told, restart: it.explainClose(1012, "") }};
    """
    found = await run(product, open_page, "relay-client/close-reasons", body)
    by_reason, by_error, *others = found["told"]
    for why in (by_reason, by_error):
        assert (why["title"], why["retry"]) == (sentence, False)
    for why in others:
        assert why == found["restart"] | {"code": TIME_LIMIT}
        assert why["retry"]


async def test_the_count_of_events_says_what_a_filter_hides(
    product: Product, open_page: OpenPage
) -> None:
    body = """
        const log = new it.EventLog();
        log.add("sent", { type: "input_audio_buffer.append", audio: "AAAA" }, 0);
        log.add("sent", { type: "response.create" }, 0);
        log.add("received", { type: "response.created" }, 0);
        const count = (text, direction, audio) =>
            it.countWords(log.entries, { text, direction, audio });
        return [count("", "both", false), count(" ", "both", true), count("nothing", "both", true),
            count("create", "sent", false), count("", "received", true)];
    """
    words = await run(product, open_page, "event-log", body)
    expected = ["2 events", "3 events", "0 of 3 events", "1 of 2 events", "1 of 3 events"]
    assert words == expected


async def test_the_unheard_part_begins_at_a_word(product: Product, open_page: OpenPage) -> None:
    body = """
        const text = "one two three four";
        const cut = (heard, received) => text.slice(0, it.heardCharacters(text, heard, received));
        return [cut(0, 100), cut(50, 100), cut(99, 100), cut(100, 100), cut(10, 0)];
    """
    cuts = await run(product, open_page, "conversation", body)
    assert cuts == ["", "one two ", "one two three ", "one two three four", "one two three four"]


async def test_turns_follow_the_events(product: Product, open_page: OpenPage) -> None:
    body = """
        const talk = new it.Conversation();
        const say = (type, rest) => talk.apply({ type, ...rest });
        say("input_audio_buffer.speech_started", { item_id: "u1" });
        say("input_audio_buffer.speech_stopped", { item_id: "u1" });
        say("conversation.item.created", { item: { id: "u1", role: "user", type: "message",
            content: [{ type: "input_audio", transcript: null }] } });
        say("response.output_item.added", { response_id: "r1",
            item: { id: "a1", type: "message", role: "assistant" } });
        say("response.audio_transcript.delta", { item_id: "a1", delta: "Good " });
        say("response.audio_transcript.delta", { item_id: "a1", delta: "morning to you." });
        say("conversation.item.input_audio_transcription.completed",
            { item_id: "u1", transcript: " Hello. " });
        talk.interrupted("a1", 400, 1000);
        say("response.done", { response: { id: "r1", status: "cancelled", output: [] } });
        say("response.done", { response: { id: "r2", status: "failed",
            status_details: { error: { message: "Too busy." } } } });
        return talk.turns.map(({ id, role, by, text, state, heard, note }) =>
            [id, role, by, text, state, heard, note]);
    """
    assert await run(product, open_page, "conversation", body) == [
        ["u1", "user", "voice", "Hello.", "done", None, ""],
        ["a1", "assistant", "voice", "Good morning to you.", "interrupted", 5, ""],
        ["r2", "assistant", "text", "", "failed", None, "Too busy."],
    ]


async def test_latency_is_measured_from_the_end_of_the_turn(
    product: Product, open_page: OpenPage
) -> None:
    body = """
        const latency = new it.Latency();
        latency.delta("a0", 50);
        const turns = [[100, 200, 260], [1000, 1300, 1400], [2000, 2050, 2060]];
        for (const [at, delta, sound] of turns) {
            latency.turnEnded(at);
            latency.delta(`item${at}`, delta);
            latency.delta(`item${at}`, delta + 500);
            latency.sound(`item${at}`, sound);
        }
        latency.sound("a0", 9999);
        return latency.summary();
    """
    summary = await run(product, open_page, "latency", body)
    assert summary["count"] == 3
    assert (summary["last"]["delta"], summary["last"]["sound"]) == (50, 60)
    assert summary["median"] == {"delta": 100, "sound": 160}


async def test_resampling_keeps_speech_and_removes_what_would_alias(
    product: Product, open_page: OpenPage
) -> None:
    body = """
        const level = (from, to, hertz) => {
            const resampler = new it.Resampler(from, to);
            const out = new Float32Array(to);
            let made = 0;
            for (let start = 0; start < from; start += 128) {
                const block = Float32Array.from({ length: 128 }, (_, i) =>
                    Math.sin((2 * Math.PI * hertz * (start + i)) / from));
                resampler.push(block);
                made += resampler.pull(out, made, out.length - made);
            }
            const settled = out.subarray(1000, made - 1000);
            const power = settled.reduce((sum, one) => sum + one * one, 0) / settled.length;
            return { made, decibels: 10 * Math.log10(2 * power + 1e-12) };
        };
        const all = [];
        for (const rate of [16000, 44100, 48000, 96000]) {
            all.push([rate, level(rate, 24000, 1000), level(24000, rate, 1000)]);
        }
        return { all, alias: level(48000, 24000, 15000), kept: level(48000, 24000, 9000) };
    """
    found = await run(product, open_page, "relay-client/resampler", body)
    for rate, down, up in found["all"]:
        assert abs(down["made"] - 24_000) < 64, rate
        assert abs(up["made"] - rate) < 256, rate
        assert abs(down["decibels"]) < 0.1, rate
        assert abs(up["decibels"]) < 0.1, rate
    assert found["alias"]["decibels"] < -60
    assert abs(found["kept"]["decibels"]) < 0.5


async def test_audio_is_shortened_in_the_event_log(product: Product, open_page: OpenPage) -> None:
    body = """
        const log = new it.EventLog();
        const audio = btoa("\\0".repeat(1920));
        log.add("sent", { type: "input_audio_buffer.append", audio }, 1000);
        log.add("received", { type: "response.audio.delta", delta: audio, item_id: "a" }, 1040);
        log.add("received", { type: "conversation.item.retrieved",
            item: { content: [{ type: "audio", audio }] } }, 1050);
        return log.text({ text: "", audio: true, direction: "both" });
    """
    text = await run(product, open_page, "event-log", body)
    assert text.count("<audio, 1920 bytes, 40 ms>") == 3
    assert len(text) < 600


async def test_the_policy_says_of_each_field_what_it_did_and_by_which_rule(
    product: Product, open_page: OpenPage
) -> None:
    body = """
        const view = new it.PolicyView();
        const badge = document.querySelectorAll("#policy-badge");
        const words = () => badge[badge.length - 1].textContent;
        const read = () => {
            badge[badge.length - 1].click();
            document.getElementById("policy").close();
            return [...document.querySelectorAll("#policy-list li")].map((row) => row.textContent);
        };
        const relay = { profile: "guided", ignored: ["session.foo"],
            changed: { "session.speed": 1.5 },
            rules: { "session.foo": "unknown-field", "session.speed": "session-speed" },
            why: "docs/policy.md#unknown-field", would: { "session.tools": "strip" } };
        const quiet = view.note({ type: "session.created", relay: { profile: "guided" } });
        view.note({ type: "session.updated", relay: { ...relay, changed: {}, would: {} } });
        const first = words();
        view.note({ type: "session.updated", relay: { ...relay, ignored: [] } });
        const refusal = { ...relay, ignored: [], changed: {}, why: "docs/policy.md#item-delete" };
        view.note({ type: "error", error: { param: "type", message: "No." }, relay: refusal });
        return { quiet, first, words: words(), rows: read() };
    """
    told = await run(product, open_page, "view-policy", body)
    assert told["quiet"] is None
    assert told["first"] == "policy ignored 1 setting"
    assert told["words"] == "policy ignored 1, changed 1, refused 1, tried 1"
    by = "in docs/policy.md."
    assert told["rows"] == [
        f"session.foo was ignored.Told in session.updated; rule unknown-field {by}",
        f"session.speed was changed to 1.5.Told in session.updated; rule session-speed {by}",
        "session.tools was let through: the operator tries a rule that would strip it.Told in "
        "session.updated.",
        f"type was refused. No.Told in error; rule item-delete {by}",
    ]


async def test_the_event_log_says_what_was_ignored_changed_and_tried(
    product: Product, open_page: OpenPage
) -> None:
    body = """
        const log = new it.EventLog();
        const add = (relay) => log.add("received", { type: "session.updated", relay }, 0).summary;
        return [add({ profile: "guided" }), add({ ignored: ["a", "b"], changed: { c: 1 } }),
            add({ ignored: [], changed: {}, would: { d: "strip" } })];
    """
    assert await run(product, open_page, "event-log", body) == [
        "",
        "policy ignored a, b; policy changed c",
        "policy only tries a rule on d",
    ]
