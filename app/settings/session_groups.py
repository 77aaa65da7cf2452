"""Settings of what a browser may do, and of what each session is told: each of them once."""

from __future__ import annotations

from app.policy.input_shapes import EAGERNESS, PREFIX_MS, SILENCE_MS, THRESHOLD
from app.policy.policy import Profile
from app.policy.turn_detection import TurnKind
from app.protocol.dialects.voices import GA_VOICES
from app.settings.about import Shown, either, setting
from app.settings.forms import ClaimName, ClaimNames, Eagerness, Language, Model, Voice
from app.settings.group import Group
from app.settings.policy_file import PolicyRules
from app.settings.policy_values import MOST_TOKENS, TEMPERATURE
from app.settings.tools import Tools


class Rules(Group):
    """How much a browser may change and see; docs/policy.md has the rows."""

    title = "Policy"

    profile: Profile = setting(
        Profile.GUIDED,
        "`locked`: talk and type. `guided`: also choose from what is offered. `open`: every "
        "documented field that is not closed to all.",
        variable="RELAY_POLICY",
    )
    policy_file: PolicyRules | None = setting(
        None,
        "TOML file that widens or narrows single rows of a profile, says what clients choose from, "
        "and gives profiles to users. Read once, at the start.",
        example="/etc/relay/policy.toml",
        form="path of a file, see below",
        file_only=True,
    )
    profile_claim: ClaimName | None = setting(
        None,
        "The claim whose value decides on a user's profile, by the table `[profiles]` of the "
        "policy file. Absent, unknown or with several values: guided, or the narrowest that is "
        "named there if that is narrower. Claims that users set themselves are refused.",
        form="the name of a claim",
    )
    policy_hints: bool = setting(
        True, "Tells the frontend's developer, in a `relay` field, what the policy ignored."
    )
    show_usage: bool = setting(True, "Shows clients the token counts of their responses.")
    show_rate_limits: bool = setting(
        False, "Shows clients the rate limits, which are the resource's and not theirs."
    )


class Opening(Group):
    """What every session is told by the server before the client is heard."""

    title = "Session"

    session_instructions: str | None = setting(
        None,
        "What the model is told to be. `{{user.CLAIM}}` becomes a claim of the user's as a JSON "
        'string; for a user who does not have the claim, the empty one (`""`).',
        example="You are a helpful assistant. Answer briefly.",
        form="text",
        from_file=True,
        shown=Shown.LENGTH,
    )
    instruction_claims: ClaimNames = setting(
        (),
        "Claims that instructions may name, comma separated. Each value goes in as a JSON string "
        "of at most 64 characters.",
        example="sub,department",
        form="names of claims",
    )
    self_service_claims: bool = setting(
        False,
        "Lets instructions name claims that users can write themselves, such as `name` and "
        "`email`: then users write into the prompt.",
    )
    session_voice: Voice | None = setting(
        None,
        "The voice.",
        default_text="the model's own",
        example="verse",
        form=either(GA_VOICES),
    )
    session_temperature: float | None = setting(
        None,
        "How freely the model speaks.",
        default_text="the model's own",
        example="0.8",
        form=f"a number from {TEMPERATURE[0]} to {TEMPERATURE[1]}",
        ge=TEMPERATURE[0],
        le=TEMPERATURE[1],
    )
    session_max_output_tokens: int | None = setting(
        None,
        "Most tokens of one response: sessions begin with it, and a client may ask for no more, "
        "unless `max_output_tokens` in the policy file lets its profile ask for more.",
        default_text=f"the model's own; clients may ask for {MOST_TOKENS}",
        example="1024",
        unit="tokens",
        ge=1,
        le=MOST_TOKENS,
    )
    session_turn_detection: TurnKind | None = setting(
        None,
        "How the end of a user's turn is noticed. `none`: push to talk. `server_vad`: by silence. "
        "`semantic_vad`: by what was said.",
        default_text="the model's own",
        example="server_vad",
    )
    session_vad_threshold: float | None = setting(
        None,
        "How loud counts as speech, for `server_vad`.",
        default_text="the model's own",
        example="0.6",
        form=f"a number from {THRESHOLD[0]} to {THRESHOLD[1]}",
        ge=THRESHOLD[0],
        le=THRESHOLD[1],
    )
    session_vad_prefix_ms: int | None = setting(
        None,
        "Audio kept from before the speech, for `server_vad`.",
        default_text="the model's own",
        example="300",
        unit="milliseconds",
        ge=PREFIX_MS[0],
        le=PREFIX_MS[1],
    )
    session_vad_silence_ms: int | None = setting(
        None,
        "Silence that ends a turn, for `server_vad`.",
        default_text="the model's own",
        example="500",
        unit="milliseconds",
        ge=SILENCE_MS[0],
        le=SILENCE_MS[1],
    )
    session_vad_eagerness: Eagerness | None = setting(
        None,
        "How soon the model answers, for `semantic_vad`.",
        default_text="the model's own",
        form=either(EAGERNESS),
    )
    session_transcription_model: Model | None = setting(
        None,
        "Transcribes what users say, with this model.",
        default_text="no transcription",
        example="whisper-1",
        form="a name",
    )
    session_transcription_language: Language | None = setting(
        None,
        "The language that users speak, for the transcription.",
        default_text="found out by the model",
        form="a language such as `en` or `en-GB`",
    )
    session_tools: Tools = setting(
        (),
        "JSON file: an array of function tools that the model may call.",
        variable="RELAY_SESSION_TOOLS_FILE",
        example="/etc/relay/tools.json",
        form="path of a file, see below",
        file_only=True,
        shown=Shown.LENGTH,
    )
