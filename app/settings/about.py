"""What is written about a setting, beside its type: name, meaning, unit, example, form.

`setting(...)` stands where pydantic's `Field(...)` would; `About.of` reads it back. Everything a
reader is told of a setting (docs, `.env.example`, `check`, an error) comes from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo

_KEY = "about"


class Shown(StrEnum):
    """How much of a value a person may see."""

    PLAIN = "plain"
    LENGTH = "length"
    ADDRESS = "address"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class _Extra:
    variable: str | None
    unit: str
    form: str
    default_text: str
    from_file: bool
    file_only: bool
    shown: Shown


@dataclass(frozen=True, slots=True)
class About:
    """Everything known of one setting but its value.

    `form` completes "must be ...". `from_file` says that `NAME_FILE` is read too; `file_only` that
    the variable itself names a file whose text is the value. `default_text` is what the default
    means where the default itself says nothing.
    """

    field: str
    variable: str
    meaning: str
    unit: str
    example: str
    form: str
    default: Any
    default_text: str
    from_file: bool
    file_only: bool
    shown: Shown

    @classmethod
    def of(cls, name: str, info: FieldInfo) -> About:
        """Reads back what `setting` wrote about the field `name`."""
        schema: Any = info.json_schema_extra
        extra = schema.get(_KEY) if isinstance(schema, dict) else None
        if not isinstance(extra, _Extra) or not info.description:
            raise TypeError(f"{name} was not made with setting()")
        secret = _is_secret(info)
        return cls(
            field=name,
            variable=extra.variable or _variable(name),
            meaning=info.description,
            unit=extra.unit,
            example=str(info.examples[0]) if info.examples else "",
            form=extra.form or _form(info),
            default=None if info.default_factory else info.default,
            default_text=extra.default_text,
            from_file=extra.from_file or secret,
            file_only=extra.file_only,
            shown=Shown.NEVER if secret else extra.shown,
        )

    @property
    def file_variable(self) -> str | None:
        """The variable that names a file with the value, if there is one."""
        return f"{self.variable}_FILE" if self.from_file else None

    @property
    def default_literal(self) -> str:
        """The default as one would write it into the environment; empty for none."""
        return literal(self.default)


def setting(
    default: Any,
    meaning: str,
    *,
    variable: str | None = None,
    unit: str = "",
    example: str = "",
    form: str = "",
    default_text: str = "",
    from_file: bool = False,
    file_only: bool = False,
    shown: Shown = Shown.PLAIN,
    **constraints: Any,
) -> Any:
    """A field of a settings group. A callable `default` is called once for each process."""
    extra: Any = _Extra(variable, unit, form, default_text, from_file, file_only, shown)
    where = {"default_factory": default} if callable(default) else {"default": default}
    return Field(
        **where,
        description=meaning,
        examples=[example] if example else None,
        json_schema_extra={_KEY: extra},
        repr=shown is Shown.PLAIN,
        **constraints,
    )


def literal(value: Any) -> str:
    """A plain value as one would write it into the environment. Not for secrets."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case tuple():
            return ",".join(literal(entry) for entry in value)
        case _:
            return str(value)


def either(words: Iterable[str]) -> str:
    """`a`, `b` or `c`."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def words_of(info: FieldInfo) -> tuple[str, ...]:
    """The words that a field may be, if it is one of a few."""
    for kind in (info.annotation, *get_args(info.annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            return tuple(str(word.value) for word in kind)
        if kind is bool:
            return ("true", "false")
    return ()


def _variable(name: str) -> str:
    return name.upper() if name.startswith("azure_") else f"RELAY_{name.upper()}"


def _is_secret(info: FieldInfo) -> bool:
    return any(
        SecretStr in (kind, *get_args(kind))  # `Annotated[SecretStr, ...]` inside of `... | None`
        for kind in (info.annotation, *get_args(info.annotation))
    )


def _form(info: FieldInfo) -> str:
    if words := words_of(info):
        return either(words)
    least = next((bound.ge for bound in info.metadata if isinstance(bound, Ge)), None)
    most = next((bound.le for bound in info.metadata if isinstance(bound, Le)), None)
    if least is not None and most is not None:
        return f"a whole number from {least} to {most}"
    return ""
