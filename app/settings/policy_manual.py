"""The part of docs/settings.md about the policy file."""

from __future__ import annotations

from app.policy.rows import ROWS, spoken
from app.policy.view import DEFAULT_VOICE
from app.protocol.dialects.voices import GA_VOICES
from app.settings.policy_rows import ACTS
from app.settings.policy_values import KEYS, MOST_AUDIO_BYTES, MOST_TOKENS, SPEED, TEMPERATURE

MEANINGS = {
    "voices": f"voices that clients may choose, of {', '.join(GA_VOICES)}; sessions begin with "
    f"{DEFAULT_VOICE}, or with the first if it is not listed, unless RELAY_SESSION_VOICE is set",
    "languages": "languages that clients may name for the transcription",
    "output_modalities": '`["audio", "text"]`, or one of them; with `["text"]` sessions never '
    "speak, in `[locked]` neither",
    "client_tools": "tools of the tools file that exist in this profile; without it, all; `[]` is "
    "none",
    "max_output_tokens": f"most tokens of one response, at most {MOST_TOKENS}; sessions begin with "
    "it too",
    "speed": f"range of the speaking speed, within {SPEED[0]} and {SPEED[1]}; sessions begin in it",
    "temperature": f"range of the temperature, within {TEMPERATURE[0]} and {TEMPERATURE[1]}; "
    "sessions begin in it. An upstream that speaks GA has none",
    "append_bytes": f"most decoded audio in one event, at most {MOST_AUDIO_BYTES}",
    "image_bytes": "largest decoded image",
    "tool_output_bytes": "largest output of one tool call",
    "text_characters": "most characters in one text of a message",
    "session_characters": "most characters of text from a client in one session",
    "instructions_characters": "most characters of a client's own instructions",
    "create_response": "forced: whether the end of a turn begins a response; forced to true, no "
    "client switches turn detection off",
    "interrupt_response": "forced: whether speech interrupts a response; likewise",
    "history": "`true` accepts what the assistant said before, as text, before the first response",
    "moderates": "`true` refuses audio in items, because it would escape your moderation",
}
_CLOSED = [spoken(row) for row in ROWS.values() if not row.opens()]

EXAMPLE = """[guided]
voices = ["alloy", "coral"]
languages = ["en", "de"]
max_output_tokens = 1024
speed = [0.8, 1.2]
create_response = true                  # forced: turn detection stays on, too
report = ["user/input_image"]           # let through, counted, and logged once

[guided.rows]
"session.instructions" = "allow"
"conversation.item.delete" = "refuse"

[profiles]                              # values of the claim in RELAY_PROFILE_CLAIM
staff = "open"
customer = "guided"                     # everybody else: guided, or locked where that is named
"""


def policy_file_md() -> str:
    """The section."""
    words = ", ".join(f"`{word}`" for word in ACTS)
    table = [f"| `{name}` | {MEANINGS[name]}{_only(name)} |" for name in KEYS]
    return "\n".join(
        [
            "## The policy file",
            "",
            "`RELAY_POLICY_FILE` changes single rows of [the policy](policy.md). It is TOML, with "
            "a table for each profile that it changes; what it does not say is as the profile has "
            "it.",
            "",
            "```toml",
            EXAMPLE.rstrip("\n"),
            "```",
            "",
            f"`[PROFILE.rows]` says {words} for a row, by its name in docs/policy.md, in either "
            "spelling. Events, items and parts of messages are never stripped, and neither "
            "are `response.conversation` and `response.input`. No file opens these rows: "
            f"{', '.join(f'`{name}`' for name in _CLOSED)}. Tools of type `mcp` and images by "
            "address have no row at all.",
            "",
            "`report` names rows in report mode: what they would strip or refuse goes on as if it "
            "were allowed; the client reads it under `would` in the `relay` field. See [the "
            "policy](policy.md#change-it-with-a-file) for how it is counted and logged.",
            "",
            "| key | meaning |",
            "|---|---|",
            *table,
            "",
            "Whatever contradicts itself, the session's settings or the tools file stops the "
            "start, with a sentence that names the line. `realtime-relay check` prints the policy "
            "in force; `realtime-relay policy explain` says what becomes of one event.",
        ]
    )


def _only(name: str) -> str:
    profiles = KEYS[name].profiles
    return f" (`[{profiles[0].value}]` alone)" if len(profiles) == 1 else ""
