"""One server event as the events of the client's dialect: none, one or two of them. PURE.

    preview upstream, GA client            GA upstream, preview client
    created, completed    added, done      added                       created
    created, in progress  added            done                        nothing
    output_item.done      done, itself     timeout, segment            nothing

All bodies are in the internal spelling before and after; `server_frames.encode_server` writes
them. Where both sides speak one dialect, nobody asks a translator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from app.protocol.dialects.usage import counted_transcription, preview_usage
from app.protocol.item_object import streamed_part
from app.protocol.names import Dialect, ServerKind

REMEMBERED = 256
"""Items kept at most in each list of `Told`; beyond, the oldest are forgotten. An item is under
way for one response, of which a few live at once."""

Body = dict[str, Any]

_K = ServerKind
_GA_ALONE = frozenset({_K.AUDIO_TIMEOUT, _K.TRANSCRIPTION_SEGMENT})
_FINISHED = frozenset({"completed", "incomplete"})


class Told(msgspec.Struct):
    """What a translator remembers of one session, as plain data.

    `announced`: items of which a preview client got its one event. `unfinished`: items that a GA
    client was told of and whose `done` is due, each with the item before it. `tools`: items that
    call a tool, with its name.
    """

    announced: dict[str, None] = msgspec.field(default_factory=dict)
    unfinished: dict[str, str | None] = msgspec.field(default_factory=dict)
    tools: dict[str, str] = msgspec.field(default_factory=dict)


class Translator:
    """`fresh_id` gives an `event_id` for an event that upstream did not send."""

    def __init__(self, told: Told, fresh_id: Callable[[], str]) -> None:
        self._told = told
        self._fresh_id = fresh_id

    def events(self, body: Body, client: Dialect) -> list[Body]:
        """What a client of this dialect, which is not upstream's, is sent for `body`, in order.
        `body` is not changed."""
        self._learn_tool(body.get("item"))
        if body["type"] == _K.ARGUMENTS_DONE:
            return [self._named(body)]
        return self._for_ga(body) if client is Dialect.GA else self._for_preview(body)

    def _for_ga(self, body: Body) -> list[Body]:
        match body["type"]:
            case _K.ITEM_CREATED:
                return self._added(body)
            case _K.OUTPUT_ITEM_DONE:
                return [*self._finished([body.get("item")]), body]
            case _K.RESPONSE_DONE:
                response = body.get("response")
                output = response.get("output") if isinstance(response, dict) else None
                return [*self._finished(output if isinstance(output, list) else []), body]
            case _K.TRANSCRIPTION_COMPLETED:
                return [counted_transcription(body)]
            case _:
                return [body]

    def _for_preview(self, body: Body) -> list[Body]:
        kind = body["type"]
        if kind in _GA_ALONE:
            return []
        if kind in (_K.CONTENT_PART_ADDED, _K.CONTENT_PART_DONE):
            return [{**body, "part": streamed_part(body.get("part"))}]
        if kind in (_K.RESPONSE_CREATED, _K.RESPONSE_DONE):
            return [_counted(body)]
        if kind not in (_K.ITEM_ADDED, _K.ITEM_DONE):
            return [body]
        item_id = _id(body.get("item"))
        if kind == _K.ITEM_DONE and item_id in self._told.announced:
            return []
        if item_id is not None:
            _remember(self._told.announced, item_id, None)
        return [{**body, "type": _K.ITEM_CREATED.value}]

    def _added(self, body: Body) -> list[Body]:
        item = body.get("item")
        added = {**body, "type": _K.ITEM_ADDED.value}
        if isinstance(item, dict) and (item_id := _id(item)) and _under_way(item):
            _remember(self._told.unfinished, item_id, body.get("previous_item_id"))
            return [added]
        return [added, self._done(item, body.get("previous_item_id"))]

    def _finished(self, items: list[Any]) -> list[Body]:
        """The `done` of each item that has none yet."""
        due = [item for item in items if _id(item) in self._told.unfinished]
        return [self._done(item, self._told.unfinished.pop(item["id"])) for item in due]

    def _done(self, item: Any, previous: Any) -> Body:
        return {
            "type": _K.ITEM_DONE.value,
            "event_id": self._fresh_id(),
            "previous_item_id": previous,
            "item": item,
        }

    def _learn_tool(self, item: Any) -> None:
        item_id = _id(item)
        if item_id is not None and item.get("type") == "function_call":
            name = item.get("name")
            if isinstance(name, str):
                _remember(self._told.tools, item_id, name)

    def _named(self, body: Body) -> Body:
        """Both dialects' strict clients want the tool's name here; not every service says it."""
        name = self._told.tools.get(body.get("item_id") or "")
        return body if "name" in body or name is None else {**body, "name": name}


def _id(item: Any) -> str | None:
    item_id = item.get("id") if isinstance(item, dict) else None
    return item_id if isinstance(item_id, str) else None


def _counted(body: Body) -> Body:
    response = body.get("response")
    if not isinstance(response, dict) or "usage" not in response:
        return body
    return {**body, "response": {**response, "usage": preview_usage(response["usage"])}}


def _under_way(item: dict[str, Any]) -> bool:
    """Whether the model is still at it. What a person said or typed is there at once."""
    status = item.get("status")
    if status is not None:
        return status not in _FINISHED
    return item.get("role") == "assistant" or item.get("type") == "function_call"


def _remember(where: dict[str, Any], item_id: str, what: Any) -> None:
    where[item_id] = what
    if len(where) > REMEMBERED:
        del where[next(iter(where))]
