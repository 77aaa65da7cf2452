"""Finds the raw value of each setting: environment, then `.env`, each also as `NAME_FILE`.

The environment wins over `.env`. A value of nothing but spaces is no value; in the environment it
also hides the one in `.env`. Nothing is expanded: a `$` in a secret stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.settings.about import About, Shown
from app.settings.choices import Source
from app.settings.problem import Problem

MOST_FILE_BYTES = 1024 * 1024
# Kubernetes tells each pod of each Service in variables that begin with the Service's name.
_SERVICE_LINK = re.compile(
    r"RELAY_(?:.+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_.+)?)"
)
_LINK_VALUE = re.compile(r"(?:tcp|udp|sctp)://\S+:\d+")


@dataclass(frozen=True, slots=True)
class Found:
    """A value as text, where it came from, and how a problem names it.

    `place` is the variable, followed by the file's path where the value was read from one.
    """

    text: str
    source: Source
    place: str


class Reading(PydanticBaseSettingsSource):
    """All settings that were set. `found` is by field; `problems` is what could not be read."""

    def __init__(
        self,
        settings_cls: type[BaseSettings],
        abouts: Mapping[str, About],
        environ: Mapping[str, str],
        env_file: Path | None,
        given: Mapping[str, Any],
    ) -> None:
        super().__init__(settings_cls)
        self.problems: list[Problem] = []
        self.found: dict[str, Found] = {}
        self._abouts = abouts
        self.given = dict(given)
        self.left_out: frozenset[str] = frozenset()
        self._dotenv = self._read_dotenv(env_file)
        self._environ = environ
        self.problems += _unknown(abouts, self)
        for name, about in abouts.items():
            if name not in given:
                self._find(about)
        self.left_out = frozenset(field for problem in self.problems for field in problem.fields)

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002  (pydantic-settings' interface)
        field_name: str,
    ) -> tuple[Any, str, bool]:
        """The raw value of one field, its key, and that it is not JSON."""
        if field_name in self.given:
            return self.given[field_name], field_name, False
        found = self.found.get(field_name)
        return (None if found is None else found.text), field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values to validate, by field, without those that are known to be wrong."""
        names = (set(self.given) | set(self.found)) - self.left_out
        fields = self.settings_cls.model_fields
        return {name: self.get_field_value(fields[name], name)[0] for name in names}

    def source_of(self, field: str) -> Source:
        """Where the value of a field came from."""
        if field in self.given:
            return Source.COMMAND
        found = self.found.get(field)
        return Source.DEFAULT if found is None else found.source

    def is_set(self, field: str) -> bool:
        """Whether the operator set this field, rightly or wrongly."""
        return field in self.found

    def text_of(self, variable: str) -> str:
        """The text of a variable, `.env` included; empty for none."""
        return self._environ.get(variable, self._dotenv.get(variable, "")).strip()

    def environment(self, variable: str) -> str:
        """The text of a variable of the real environment, which libraries see too."""
        return self._environ.get(variable, "").strip()

    def names_set(self) -> frozenset[str]:
        """The names of all variables that hold something."""
        return frozenset(name for name in {**self._dotenv, **self._environ} if self.text_of(name))

    def _find(self, about: About) -> None:
        direct = self.text_of(about.variable)
        file_variable = about.variable if about.file_only else about.file_variable
        path = self.text_of(file_variable) if file_variable else ""
        if about.file_only:
            direct = ""
        if direct and path:
            self._problem(
                about,
                f"{about.variable} and {file_variable} are both set: keep one of them.",
            )
        elif direct:
            self._keep(about, Found(direct, self._source(about.variable), about.variable))
        elif path and file_variable:
            self._read_value(about, file_variable, path)

    def _source(self, variable: str) -> Source:
        return Source.ENVIRONMENT if variable in self._environ else Source.DOTENV

    def _keep(self, about: About, found: Found) -> None:
        if not _encodable(found.text) or "\0" in found.text:
            self._problem(about, f"{found.place} is not UTF-8 text: write it anew.")
            return
        self.found[about.field] = found

    def _read_value(self, about: About, variable: str, path: str) -> None:
        # The secret itself gets written where the path of its file belongs.
        shown = path if about.shown is not Shown.NEVER or Path(path).is_absolute() else "a file"
        try:
            text = _file_text(Path(path)).rstrip("\r\n")
        except (OSError, ValueError) as error:
            sentence = f"{variable} names {shown}, which {_why(error)}: correct the path."
            self._problem(about, sentence)
            return
        if text.strip():
            self._keep(about, Found(text, Source.FILE, f"{variable} ({path})"))
        else:
            only = "write the file, or remove the variable"
            fix = only if about.file_only else "write the value there"
            self._problem(about, f"{variable} names {path}, which is empty: {fix}.")

    def _problem(self, about: About, sentence: str) -> None:
        self.problems.append(Problem(sentence, frozenset({about.field})))

    def _read_dotenv(self, path: Path | None) -> dict[str, str]:
        if path is None:
            return {}
        try:
            text = _file_text(path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self.problems.append(Problem(f"{path} {_why(error)}: correct it or remove it."))
            return {}
        values: dict[str, str] = {}
        for binding in parse_stream(StringIO(text)):
            if binding.error:
                line = binding.original.line + _blank_lines(binding.original.string)
                self.problems.append(
                    Problem(f"{path} cannot be read in line {line}: write NAME=value there.")
                )
            elif binding.key is not None:
                values[binding.key] = binding.value or ""
        return values


def _blank_lines(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file_text(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise ValueError("is larger than 1 MiB")
    return content.decode("utf-8-sig")


def _why(error: OSError | ValueError) -> str:
    match error:
        case UnicodeDecodeError():
            return "is not UTF-8 text"
        case OSError():
            return f"cannot be read ({error.strerror})"
        case _:
            return str(error)


def _unknown(abouts: Mapping[str, About], reading: Reading) -> Iterator[Problem]:
    """One sentence for each variable with our prefix that no setting has."""
    known = {about.variable for about in abouts.values()}
    known |= {about.file_variable for about in abouts.values() if about.file_variable}
    if _LINK_VALUE.fullmatch(reading.text_of("RELAY_PORT")):
        yield Problem(
            "RELAY_PORT was set by Kubernetes, for a Service named relay: set it to a number in "
            "the pod, or enableServiceLinks to false, or give the Service another name.",
            frozenset({"port"}),
        )
    for name in sorted(reading.names_set()):
        if not name.upper().startswith("RELAY_") or name in known:
            continue
        if _SERVICE_LINK.fullmatch(name) or _LINK_VALUE.fullmatch(reading.text_of(name)):
            continue
        near = get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.8)
        fix = f"did you mean {near[0]}?" if near else "remove it, or see docs/settings.md."
        yield Problem(f"{name} is not a setting of this version: {fix}")
