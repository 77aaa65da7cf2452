"""Audio from the client: the input buffer, and the turns that voice activity finds in it."""

from __future__ import annotations

from app.simulator.audio import decoded, to_pcm
from app.simulator.checks import Fields
from app.simulator.client_responses import TURN_DETECTED, begin_after_turn, cut
from app.simulator.errors import Rejected
from app.simulator.items import MESSAGE, Item, Part
from app.simulator.outputs import Hear
from app.simulator.state import State
from app.simulator.voice_activity import SpeechStarted, SpeechStopped

COMMIT_FLOOR_MS = 100
_KEPT_WHILE_QUIET_MS = 60_000
"""What a client may still commit by hand of the silence before speech; older audio is let go."""


def append(state: State, fields: Fields) -> None:
    """`input_audio_buffer.append`: no answer of its own, only what voice activity finds."""
    audio_format = state.session.input_audio_format
    text = fields.required_text("audio") if fields.given("audio") != "" else ""
    pcm = to_pcm(decoded(text, "audio", audio_format), audio_format)
    # Cut where silence becomes too long, so that portions of any size give the same events.
    while (due := _idle_until(state)) is not None:
        missing = state.buffer.missing(due)
        if len(pcm) < missing:
            break
        _take_in(state, pcm[:missing])
        pcm = pcm[missing:]
        if _idle_until(state) == due:  # nobody has spoken meanwhile
            _time_out(state, due)
    _take_in(state, pcm)
    if state.listener.listening and state.speech is None:
        state.buffer.keep_last(_KEPT_WHILE_QUIET_MS)


def _take_in(state: State, pcm: bytes) -> None:
    for event in state.listener.feed(state.buffer.append(pcm)):
        if isinstance(event, SpeechStarted):
            _speech_started(state, event)
        else:
            _speech_stopped(state, event)


def commit(state: State) -> None:
    """`input_audio_buffer.commit`: all that is held becomes a user's message."""
    held = state.buffer.length_ms
    if held < COMMIT_FLOOR_MS:
        message = (
            "Error committing input audio buffer: buffer too small. Expected at least "
            f"{COMMIT_FLOOR_MS}ms of audio, but buffer only has {held:.2f}ms of audio."
        )
        raise Rejected("input_audio_buffer_commit_empty", message)
    item_id = state.speech or state.new_id("item")
    state.speech = None
    state.listener.reset()
    _add_speech(state, item_id, state.buffer.take_all())


def commit_if_held(state: State) -> None:
    """The `commit` of older `response.create`s: what was spoken, if anything was. With turn
    detection on, the buffer is the detector's."""
    if not state.listener.listening and state.buffer.length_ms >= COMMIT_FLOOR_MS:
        commit(state)


def clear(state: State) -> None:
    """`input_audio_buffer.clear`: the clock goes on, speech in progress is forgotten."""
    state.buffer.clear()
    state.listener.reset()
    state.speech = None
    state.emit("input_audio_buffer.cleared")


def listen_as_configured(state: State) -> None:
    """After a change of the session: a change of other fields must not lose the turn."""
    anew = state.listener.configure(state.session.turn_detection, state.buffer.position_ms)
    if anew:
        state.speech = None


def hear(state: State, item: Item) -> None:
    """Asks for the transcript of a user's audio, where the session wants transcripts."""
    if state.session.input_audio_transcription is None:
        return
    audio = b"".join(bytes(part.audio) for part in item.content if part.type == "input_audio")
    if audio:
        state.want(Hear(item.id, audio))


def transcribed(state: State, item_id: str, text: str | None) -> None:
    """The transcript of an item's audio has come, sooner or later than the response; None: it
    could not be made. An item deleted meanwhile needs none."""
    item = state.log.find(item_id)
    index = next((i for i, p in enumerate(item.content) if p.has_audio), -1) if item else -1
    if item is None or index < 0:
        return
    prefix = "conversation.item.input_audio_transcription"
    place = {"item_id": item_id, "content_index": index}
    if text is None:
        error = {
            "type": "transcription_error",
            "code": "transcription_failed",
            "message": "The audio could not be transcribed.",
            "param": None,
        }
        state.emit(f"{prefix}.failed", **place, error=error)
        return
    part = item.content[index]
    part.transcript = text
    model = (state.session.input_audio_transcription or {}).get("model", "whisper-1")
    for piece in state.spelling.transcript_deltas(model, text):
        state.emit(f"{prefix}.delta", **place, delta=piece)
    usage = state.spelling.transcript_usage(model, text, part.audio_ms)
    state.emit(f"{prefix}.completed", **place, transcript=text, **usage)


def _speech_started(state: State, event: SpeechStarted) -> None:
    state.speech = state.new_id("item")
    state.emit(
        "input_audio_buffer.speech_started", audio_start_ms=event.start_ms, item_id=state.speech
    )
    state.speech_start_ms = event.start_ms
    detection = state.session.turn_detection
    if detection is not None and detection.interrupt_response and state.active is not None:
        cut(state, state.active, TURN_DETECTED)
    state.idle.stop()


def _speech_stopped(state: State, event: SpeechStopped) -> None:
    item_id = state.speech or state.new_id("item")
    state.speech = None
    state.emit("input_audio_buffer.speech_stopped", audio_end_ms=event.end_ms, item_id=item_id)
    _add_speech(state, item_id, state.buffer.take(state.speech_start_ms, event.end_ms))
    detection = state.session.turn_detection
    if detection is not None and detection.create_response:
        begin_after_turn(state)


def _idle_until(state: State) -> int | None:
    """Where on the session's clock the silence after an answer has lasted too long."""
    detection = state.session.turn_detection
    if detection is None or state.speech is not None:
        return None
    return state.idle.due_ms(detection.idle_timeout_ms)


def _time_out(state: State, end_ms: int) -> None:
    """The silence becomes the user's turn, and the model is to say something about it."""
    start_ms = state.idle.start_ms or 0
    item_id = state.new_id("item")
    state.listener.reset()
    state.emit(
        "input_audio_buffer.timeout_triggered",
        audio_start_ms=start_ms,
        audio_end_ms=end_ms,
        item_id=item_id,
    )
    _add_speech(state, item_id, state.buffer.take(start_ms, end_ms))
    begin_after_turn(state)


def _add_speech(state: State, item_id: str, pcm: bytes) -> None:
    """Committed audio becomes a user's message at the end of the conversation."""
    state.idle.stop()
    part = Part("input_audio", audio=pcm)
    item = Item(id=item_id, type=MESSAGE, role="user", content=[part])
    previous = state.log.add(item)
    state.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
    state.announce(item, previous)
    hear(state, item)
