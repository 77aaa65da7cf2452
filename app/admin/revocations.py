"""`POST /revocations`: whom it names, read from the body.

{"user": "9f2c..."}                                  the hash in log lines
{"user": {"issuer": "https://...", "user": "..."}}   by name; it is hashed here
{"session": "sess_..."}                              one session
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from app.admin.answers import BadRequest
from app.auth.principal import Principal
from app.store.store import Revocation, RevokedKind

USUAL_SECONDS = 3600.0
MOST_SECONDS = 30 * 24 * 3600.0

_HASH = re.compile(r"[0-9a-f]{16}")
_SESSION = re.compile(r"sess_[0-9a-f]{24}")

SHAPE = (
    'Send {"user": HASH}, {"user": {"issuer": ISSUER, "user": USER}} or {"session": ID}, and with '
    'a user, if you like, "seconds".'
)


class _User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuer: str
    user: str


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: str | _User | None = None
    session: str | None = None
    seconds: float | None = None


def read_revocation(body: bytes, hash_user: Callable[[Principal], str]) -> Revocation:
    """The revocation that the body asks for. Raises `BadRequest` with the fix in words."""
    try:
        asked = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body cannot be used: {error}. {SHAPE}") from None
    if (asked.user is None) == (asked.session is None):
        raise BadRequest(f"Name either a user or a session. {SHAPE}")
    if asked.session is not None:
        return _of_session(asked.session, asked.seconds)
    assert asked.user is not None
    return Revocation(RevokedKind.USER, _name(asked.user, hash_user), _seconds(asked.seconds))


def _of_session(session: str, seconds: float | None) -> Revocation:
    if not _SESSION.fullmatch(session):
        raise BadRequest("A session is named as in GET /sessions: sess_ and 24 hexadecimal digits.")
    if seconds is not None:
        raise BadRequest(
            "'seconds' says how long a user is refused; an ended session does not come back. "
            "Leave it out."
        )
    return Revocation(RevokedKind.SESSION, session, USUAL_SECONDS)


def _name(user: str | _User, hash_user: Callable[[Principal], str]) -> str:
    if isinstance(user, _User):
        if not user.issuer or not user.user:
            raise BadRequest("'issuer' and 'user' must not be empty.")
        return hash_user(Principal(user.user, user.issuer))
    if not _HASH.fullmatch(user):
        raise BadRequest(
            "A user is named by the 16 hexadecimal digits of 'user' in log lines and in GET "
            '/sessions, or as {"issuer": ISSUER, "user": USER}.'
        )
    return user


def _seconds(seconds: float | None) -> float:
    if seconds is None:
        return USUAL_SECONDS
    if not 1 <= seconds <= MOST_SECONDS:
        raise BadRequest(f"'seconds' must be from 1 to {MOST_SECONDS:.0f}, which is 30 days.")
    return seconds
