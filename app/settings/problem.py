"""What keeps the relay from starting, told in sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence that names the variable and the fix, and never the value of a secret.

    `fields` are the settings it is about: once one of them is known to be wrong in itself, what
    follows from its value is not worth a second sentence.
    """

    sentence: str
    fields: frozenset[str] = frozenset()


def problem(sentence: str, *fields: str) -> Problem:
    """A problem with the settings `fields`."""
    return Problem(sentence, frozenset(fields))


class SettingsError(Exception):
    """The settings cannot be used. `problems` holds every reason, one sentence each.

    Raised `from None`: the errors underneath would repeat the values that they choked on.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class FileRefused(ValueError):  # noqa: N818  (it is an answer, not a fault)
    """A file of the operator's cannot be used. `complaints` holds every reason; each completes the
    sentence "FILE: ...", without its full stop."""

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = complaints
