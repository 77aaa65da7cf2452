"""The form of RELAY_MODEL_ALIASES: `name=deployment`, and behind a colon who may ask for it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

from app.policy.policy import Profile
from app.session.models import ModelAlias
from app.settings.about import either

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_EXAMPLE = "write NAME=DEPLOYMENT or NAME=DEPLOYMENT:PROFILE+PROFILE, comma separated"


def _aliases(text: object) -> object:
    if not isinstance(text, str):
        return text
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    aliases = tuple(_alias(entry, number) for number, entry in enumerate(entries, 1))
    names = [alias.name for alias in aliases]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise ValueError(f"names the alias of entry {number} twice: one deployment for each")
    return aliases


def _alias(entry: str, number: int) -> ModelAlias:
    """No message repeats the entry: somebody may have pasted a secret."""
    name, _, rest = entry.partition("=")
    deployment, colon, profiles = rest.partition(":")
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(deployment):
        raise ValueError(f"has an entry ({number}) that is no alias: {_EXAMPLE}")
    known = {profile.value: profile for profile in Profile}
    allowed = profiles.split("+") if colon else []
    if not known.keys() >= set(allowed):
        raise ValueError(
            f"has an entry ({number}) with an unknown profile: write {either(known)} behind the "
            "colon, with + between them"
        )
    return ModelAlias(name, deployment, frozenset(known[word] for word in allowed))


ModelAliases = Annotated[tuple[ModelAlias, ...], BeforeValidator(_aliases)]
