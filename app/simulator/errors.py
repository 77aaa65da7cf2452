"""Refusals in the service's own codes and words (error codes as seen on the wire).

`Rejected` never leaves the conversation: it is caught where the client's event came in and sent
as one `error` event; the socket stays open.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"


class Rejected(Exception):  # noqa: N818 - what happened to the event, not a fault of ours
    """A client's event was refused as a whole; nothing of it has taken effect."""

    def __init__(self, code: str | None, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param

    def body(self, event_id: str | None) -> dict[str, Any]:
        """The inner object of an `error` event; `event_id` is the refused event's own."""
        return {
            "type": INVALID_REQUEST,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }


def unknown_parameter(path: str) -> Rejected:
    return Rejected("unknown_parameter", f"Unknown parameter: '{path}'.", path)


def missing(path: str) -> Rejected:
    return Rejected("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def wrong_type(path: str, expected: str, value: Any) -> Rejected:
    """`expected` with its article: "a string", "an array of objects"."""
    message = f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead."
    return Rejected("invalid_type", message, path)


def unsupported(path: str, value: Any, supported: Iterable[str]) -> Rejected:
    """A word that is not one of those that the parameter takes."""
    message = f"Invalid value: '{value}'. Supported values are: {_listed(list(supported))}."
    return Rejected("invalid_value", message, path)


def invalid(path: str, message: str) -> Rejected:
    return Rejected("invalid_value", message, path)


def too_long(path: str, limit: int, length: int) -> Rejected:
    message = (
        f"Invalid '{path}': string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {length} instead."
    )
    return Rejected("string_above_max_length", message, path)


def decimal_below(path: str, low: float, value: float) -> Rejected:
    message = (
        f"Invalid '{path}': decimal below minimum value. "
        f"Expected a value >= {low:g}, but got {value:g} instead."
    )
    return Rejected("decimal_below_min_value", message, path)


def decimal_above(path: str, high: float, value: float) -> Rejected:
    message = (
        f"Invalid '{path}': decimal above maximum value. "
        f"Expected a value <= {high:g}, but got {value:g} instead."
    )
    return Rejected("decimal_above_max_value", message, path)


def integer_below(path: str, low: int, value: int) -> Rejected:
    message = (
        f"Invalid '{path}': integer below minimum value. "
        f"Expected a value >= {low}, but got {value} instead."
    )
    return Rejected("integer_below_min_value", message, path)


def integer_above(path: str, high: int, value: int) -> Rejected:
    message = (
        f"Invalid '{path}': integer above maximum value. "
        f"Expected a value <= {high}, but got {value} instead."
    )
    return Rejected("integer_above_max_value", message, path)


def no_such_item(verb: str, doing: str, item_id: str) -> Rejected:
    """`verb` as in the code (delete), `doing` as in the sentence (deleting)."""
    message = f"Error {doing} item: the item with id '{item_id}' does not exist."
    return Rejected(f"item_{verb}_invalid_item_id", message)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (str, "a string"),
        (int, "an integer"),
        (float, "a decimal"),
        (list, "an array"),
        (dict, "an object"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "something else")


def _listed(words: list[str]) -> str:
    quoted = [f"'{word}'" for word in words]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
