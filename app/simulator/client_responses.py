"""Responses: asked for by the client or by the end of a turn, performed, cut short, finished."""

from __future__ import annotations

from typing import Any

from app.simulator.checks import Fields
from app.simulator.errors import SERVER_ERROR, Rejected
from app.simulator.items import Item
from app.simulator.outputs import Send, Stop, Think
from app.simulator.performance import Stage
from app.simulator.performers import performance
from app.simulator.plan import Plan
from app.simulator.response import Response
from app.simulator.response_checks import checked_options
from app.simulator.response_options import ResponseOptions, session_options
from app.simulator.session_checks import cannot_update_voice
from app.simulator.state import Running, State
from app.simulator.turns import turn
from app.simulator.usage import heard

TURN_DETECTED = "turn_detected"
CLIENT_CANCELLED = "client_cancelled"


def already_active(response_id: str) -> Rejected:
    return Rejected(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
    )


def checked_create(state: State, fields: Fields) -> ResponseOptions:
    """The options of a `response.create` that may begin now; raises `Rejected` otherwise."""
    options = checked_options(fields.given("response"), state.spelling, state.session, state.inputs)
    if options.in_conversation:
        if state.active is not None and not options.cancel_previous:
            raise already_active(state.active)
        if state.audio_present and options.speaks and options.voice != state.session.voice:
            raise cannot_update_voice()
    return options


def begin(state: State, options: ResponseOptions) -> None:
    """Starts a response; for one in the conversation, none may be active."""
    context = _context(state, options)
    response = Response(
        id=state.new_id("resp"),
        options=options,
        conversation_id=state.conversation_id if options.in_conversation else None,
        taken=heard(options.instructions, options.tools, context),
    )
    state.running[response.id] = Running(response)
    if options.in_conversation:
        state.active = response.id
        state.idle.stop()
    state.emit("response.created", response=state.spelling.response(response))
    state.want(
        Think(
            response.id,
            turn(options, context),
            options.speaks,
            options.voice,
            options.output_audio_format,
        )
    )


def begin_after_turn(state: State) -> None:
    """The automatic response at the end of a turn. If one is still active, because it may not be
    interrupted, the new one cannot be made (reference, `create_response`)."""
    if state.active is not None:
        error = already_active(state.active)
        state.emit("error", error=error.body(None))
        return
    begin(state, session_options(state.session))


def cancel(state: State, fields: Fields) -> None:
    """`response.cancel`: the one named, or else the conversation's active one."""
    wanted = fields.text("response_id") or state.active
    if wanted is None or wanted not in state.running:
        message = "Cancellation failed: no active response found"
        raise Rejected("response_cancel_not_active", message)
    cut(state, wanted, CLIENT_CANCELLED)


def cut(state: State, response_id: str, reason: str) -> None:
    """Ends a response at once, with what has been streamed so far and no more."""
    running = state.running[response_id]
    details = {"type": "cancelled", "reason": reason}
    state.want(Stop(response_id))
    _finish(state, running, "cancelled", details)


def perform(state: State, response_id: str, plan: Plan) -> None:
    """The plan is ready; a response that ended meanwhile has no use for it."""
    running = state.running.get(response_id)
    if running is None:
        return
    log = state.log if running.response.options.in_conversation else None
    running.performance = performance(
        Stage(running.response, state.event, state.spelling, log),
        plan,
        item_id=state.new_id("item"),
        call_id=state.new_id("call"),
    )


def fail(state: State, response_id: str, message: str) -> None:
    """No plan could be made."""
    running = state.running.get(response_id)
    if running is None:
        return
    error: dict[str, Any] = {"type": SERVER_ERROR, "code": SERVER_ERROR, "message": message}
    _finish(state, running, "failed", {"type": "failed", "error": error})


def advance(state: State, response_id: str) -> float | None:
    """Streams one more step; the real time that it stands for, in ms. None: it is over."""
    running = state.running.get(response_id)
    if running is None or running.performance is None:
        return None
    step = running.performance.step()
    if step is None:
        if running.performance.exhausted:
            details = {"type": "incomplete", "reason": "max_output_tokens"}
            _finish(state, running, "incomplete", details)
        else:
            _finish(state, running, "completed", None)
        return None
    for event in step.events:
        state.want(Send(event))
    if running.response.audio_ms and running.response.options.in_conversation:
        state.audio_present = True
    return step.play_ms


def _finish(state: State, running: Running, status: str, details: dict[str, Any] | None) -> None:
    response = running.response
    if running.performance is not None:
        item_status = "completed" if status == "completed" else "incomplete"
        for event in running.performance.close(item_status):
            state.want(Send(event))
    response.status = status
    response.status_details = details
    del state.running[response.id]
    if state.active == response.id:
        state.active = None
        state.idle.begin(state.buffer.position_ms, response.audio_ms)
    state.emit("response.done", response=state.spelling.response(response))
    used = response.taken.total + response.given.total
    state.emit("rate_limits.updated", rate_limits=state.limits.report(used, state.now()))


def _context(state: State, options: ResponseOptions) -> list[Item]:
    """The items that the response reads."""
    items = list(state.log) if options.context is None else list(options.context)
    return [*items, *options.appended]
