"""The order in which an answer is looked for: tool result, tool call, typed text, speech."""

from __future__ import annotations

import json
from typing import Any

from app.simulator.brain import heard, script, tools
from app.simulator.brain.turns import Call, Reply, Say, Turn
from app.simulator.voice import pcm as pcm16

_PARROT_SECONDS = 30


def answer(turn: Turn) -> Reply:
    """The reply to one turn. Deterministic, bounded in length whatever the turn holds."""
    if turn.tool_output is not None:
        return Say((f"{script.TOOL_ANSWERED} {script.shortened(_as_words(turn.tool_output))}",))
    tool = tools.chosen(turn.text or "", turn.tools, turn.tool_choice)
    if tool is not None:
        arguments = tools.arguments(tool, turn.text or "")
        return Call(str(tool["name"]), json.dumps(arguments, ensure_ascii=False))
    if turn.text is not None and turn.text.strip():
        return Say((script.reply_to(turn.text, turn.history),))
    if turn.audio:
        return _parrot(turn.audio)
    return Say((script.HOW_CAN_I_HELP,))


def _parrot(audio: bytes) -> Say:
    speech = heard.trimmed(audio)
    if not speech:
        return Say((script.ONLY_SILENCE,))
    most = 2 * pcm16.RATE * _PARROT_SECONDS
    if len(speech) > most:
        return Say((script.YOU_SAID, speech[:most], script.AND_SO_ON))
    return Say((script.YOU_SAID, speech))


def _as_words(output: str) -> str:
    """A tool's output as a person would read it out: JSON loses its punctuation."""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        return output.strip() or "nothing"
    return _spoken(value, 0) or "nothing"


def _spoken(value: Any, depth: int) -> str:
    """Objects as "key value", lists in order; what lies deeper than four levels is left out."""
    if depth > 4:
        return "..."
    match value:
        case dict():
            named = ((str(k).replace("_", " "), _spoken(v, depth + 1)) for k, v in value.items())
            return ", ".join(f"{name}: {words}" for name, words in named)
        case list():
            return ", ".join(_spoken(item, depth + 1) for item in value)
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
