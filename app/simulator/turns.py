"""From the items that a response reads to the one turn that the brain answers."""

from __future__ import annotations

from collections.abc import Sequence

from app.simulator.brain import Line, Turn
from app.simulator.items import FUNCTION_CALL_OUTPUT, MESSAGE, Item
from app.simulator.response_options import ResponseOptions


def turn(options: ResponseOptions, context: Sequence[Item]) -> Turn:
    """The last thing said is what is answered; what came before is history.

    A function's output at the end is answered as such. A user's message counts if nothing but
    system messages follows it: after an assistant's message there is nothing new to answer.
    """
    current = _current(context)
    tool_output = current.output if current and current.type == FUNCTION_CALL_OUTPUT else None
    asked = current if current and current.type == MESSAGE else None
    parts = asked.content if asked else []
    typed = [part.text for part in parts if not part.has_audio]
    return Turn(
        text=" ".join(typed) if typed else None,
        audio=b"".join(bytes(part.audio) for part in parts if part.has_audio),
        instructions=options.instructions,
        tools=options.tools,
        tool_choice=options.tool_choice,
        history=tuple(
            Line(item.role, item.words)
            for item in context
            if item is not asked and item.type == MESSAGE and item.words
        ),
        tool_output=tool_output,
    )


def _current(context: Sequence[Item]) -> Item | None:
    for item in reversed(context):
        if item.role == "system":
            continue
        answerable = item.role == "user" or item.type == FUNCTION_CALL_OUTPUT
        return item if answerable else None
    return None
