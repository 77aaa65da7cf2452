"""The words that a setting may be: one enum for each."""

from __future__ import annotations

from enum import StrEnum


class Upstream(StrEnum):
    """Who answers the clients."""

    AZURE = "azure"
    EMBEDDED = "embedded"


class UpstreamAuth(StrEnum):
    """How the relay proves itself to upstream."""

    ENTRA = "entra"
    API_KEY_HEADER = "api-key-header"
    API_KEY_QUERY = "api-key-query"


class AuthMode(StrEnum):
    """How clients prove who they are."""

    OIDC = "oidc"
    DEV = "dev"


class RedisDown(StrEnum):
    """What happens to new sessions while Redis does not answer."""

    REFUSE = "refuse"
    LOCAL = "local"


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severe log line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Source(StrEnum):
    """Where the value of a setting came from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    FILE = "file"
    DOTENV = ".env"
    COMMAND = "command"
