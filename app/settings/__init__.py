"""What the operator decided: read once at the start, checked as a whole, then frozen.

May import: policy, session, wire, of upstream `endpoint` and `identity`, and of store `address`,
which imports the standard library alone. Only `main`, `server` and the commands import this room,
and only its `load` is handed the environment: no other module of ours reads it. One table
(`upstream_groups`, `relay_groups`) says each setting's name, default, meaning, unit and example;
`.env.example` and docs/settings.md are written from it by `python -m app.settings --write`.
"""

from app.settings.choices import AuthMode, RedisDown, Source, Upstream, UpstreamAuth
from app.settings.loading import load
from app.settings.problem import SettingsError
from app.settings.settings import Row, Settings

__all__ = [
    "AuthMode",
    "RedisDown",
    "Row",
    "Settings",
    "SettingsError",
    "Source",
    "Upstream",
    "UpstreamAuth",
    "load",
]
