"""What looks like a credential is hidden, and what does not is left alone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from app.telemetry.masking import mask, mask_event

CANARY = "c4n4ryS3CR3T"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization: bearer   {CANARY}, next",
        f"Proxy-Authorization: Basic {CANARY}=",
        f"openai-insecure-api-key.ek_{CANARY}",
        f"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.{CANARY}",
        f"ek_{CANARY}",
        f"a ticket of ek_{CANARY}.",
        f"api-key={CANARY}",
        f"API-KEY: {CANARY}",
        f"{{'api-key': '{CANARY}'}}",
        f'{{"api_key":"{CANARY}"}}',
        f"[('api-key', '{CANARY}')]",
        f"[(b'api-key', b'{CANARY}')]",
        f"client_secret={CANARY}&grant_type=x",
        f"access_token={CANARY}",
        f'"access_token": "{CANARY}"',
        f"?token={CANARY}",
        f"wss://r.openai.azure.com/openai/realtime?deployment=d&api-key={CANARY}",
        f"GET /ws?anything={CANARY} HTTP/1.1",
        f"http://user:{CANARY}@proxy:3128",
        f"sk-{CANARY}{CANARY}",
        f"eyJhbGciOiJSUzI1NiJ9.{CANARY}.{CANARY}",
        "the key " + (CANARY * 7),
    ],
)
def test_a_credential_is_hidden_wherever_it_stands(text: str) -> None:
    assert CANARY not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "tokens_in=12 tokens_out=7",
        "the token, which is new",
        "a ticket expired",
        "session sess_0123456789abcdef01234567 closed",
        "wss://r.openai.azure.com/openai/realtime",
        "what is missing? everything",
        "2026-01-02T03:04:05Z",
        "guided ignored session.instructions of a client",
        "user 0123456789abcdef",
        "5f0c5a44-9c3a-4f6e-8d8c-7f1d2e3c4b5a",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "api-key", "api_key", "token", "ticket", "hash_key",
     "client_secret", "sec-websocket-protocol", "cookie"],
)  # fmt: skip
def test_a_value_under_a_secret_name_is_hidden_whole(name: str) -> None:
    assert mask_event(None, "info", {name: CANARY}) == {name: "***"}


@dataclass
class _Holder:
    text: str


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError(CANARY)


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"Authorization": CANARY}},
        {"a": [{"b": ({"c": f"Bearer {CANARY}"},)}]},
        {f"Bearer {CANARY}": 1},
        [f"Bearer {CANARY}"],
        {f"Bearer {CANARY}"},
        f"Bearer {CANARY}".encode(),
        bytearray(f"Bearer {CANARY}".encode()),
        ValueError(f"api-key={CANARY}"),
        _Holder(f"Bearer {CANARY}"),
        _Unprintable(),
        [[[[[[[[[f"Bearer {CANARY}"]]]]]]]]],
    ],
)
def test_a_credential_inside_of_another_value_is_hidden(value: object) -> None:
    assert CANARY not in repr(mask_event(None, "info", {"value": value}))


def test_numbers_keep_their_type() -> None:
    event = {"count": 3, "share": 0.5, "on": True, "none": None, "key_of_nothing": "x"}
    assert mask_event(None, "info", dict(event)) == event


def test_a_text_as_long_as_an_audio_frame_is_cut() -> None:
    event = mask_event(None, "info", {"value": "a" * 100_000})
    assert len(event["value"]) < 2_100
    assert event["value"].endswith("... (100000 characters)")
