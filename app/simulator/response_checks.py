"""What `response.create` asks for, read as its dialect spells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.simulator.checks import Fields
from app.simulator.dialects.spelling import Spelling
from app.simulator.errors import Rejected, missing, too_long, wrong_type
from app.simulator.inputs import Inputs
from app.simulator.items import Item
from app.simulator.response_options import ResponseOptions, session_options
from app.simulator.session import Session

_CONVERSATIONS = ("auto", "none")
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512
_SHARED = frozenset({"conversation", "metadata"})


def checked_options(
    value: Any, spelling: Spelling, session: Session, inputs: Inputs
) -> ResponseOptions:
    """The options of a `response.create`; `value` is its `response`, which may be null. Null
    members, like absent ones, leave the session's values. Raises `Rejected`."""
    if value is None:
        return session_options(session)
    known = {*spelling.overrides, *spelling.input_names, *spelling.extras, *_SHARED}
    fields = spelling.fields(value, "response", known)
    overrides: dict[str, Any] = {}
    for name, read in spelling.overrides.items():
        if fields.given(name) is not None:
            overrides |= read(fields, name)
    return replace(
        session_options(session),
        **overrides,
        in_conversation=fields.choice("conversation", _CONVERSATIONS) != "none",
        context=_context(fields, spelling, inputs),
        metadata=_metadata(fields),
        **spelling.extra_options(fields, inputs),
    )


def _context(fields: Fields, spelling: Spelling, inputs: Inputs) -> tuple[Item, ...] | None:
    """The first list that is given, under whichever of its names."""
    for name in spelling.input_names:
        if fields.given(name) is not None:
            return tuple(inputs.entries(fields, name))
    return None


def _metadata(fields: Fields) -> dict[str, str] | None:
    value, path = fields.given("metadata"), fields.path("metadata")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)
    if len(value) > _METADATA_PAIRS:
        raise _too_many_pairs(path, len(value))
    for key, text in value.items():
        where = f"{path}.{key}"
        if len(key) > _METADATA_KEY:
            raise too_long(path, _METADATA_KEY, len(key))
        if text is None:
            raise missing(where)
        if not isinstance(text, str):
            raise wrong_type(where, "a string", text)
        if len(text) > _METADATA_VALUE:
            raise too_long(where, _METADATA_VALUE, len(text))
    return dict(value)


def _too_many_pairs(path: str, count: int) -> Rejected:
    message = (
        f"Invalid '{path}': too many properties. Expected an object with at most "
        f"{_METADATA_PAIRS} properties, but got an object with {count} properties instead."
    )
    return Rejected("object_above_max_properties", message, path)
