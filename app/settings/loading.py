"""`load`: reads, checks each setting, checks them together, and tells all problems at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.settings.about import About, Shown, words_of
from app.settings.oidc_rules import OIDC_RULES
from app.settings.policy_rules import POLICY_RULES
from app.settings.problem import FileRefused, Problem, SettingsError
from app.settings.reading import Reading
from app.settings.relay_rules import RELAY_RULES
from app.settings.replica_rules import REPLICA_RULES
from app.settings.session_rules import SESSION_RULES
from app.settings.settings import PLATFORM_TRACES, Settings, abouts
from app.settings.upstream_rules import UPSTREAM_RULES

_LONGEST_SHOWN = 24
"""A wrong value that is longer is not repeated: keys get pasted into the wrong line."""


def load(
    environ: Mapping[str, str],
    *,
    env_file: Path | None = None,
    only: Collection[str] | None = None,
    **given: Any,
) -> Settings:
    """The settings of this process. Hand over `os.environ`; nothing else is read from it.

    `env_file` need not exist. `given` (field names, such as `upstream="embedded"`) is what a
    command decides itself; it wins over both. `only`: the caller uses these fields alone, so that
    problems of others are none of its own. Raises SettingsError with every problem.
    """
    strangers = set(given) - set(Settings.model_fields)
    if strangers:
        raise TypeError(f"no such settings: {sorted(strangers)}")
    reading = Reading(Settings, abouts(), environ, env_file, given)
    problems = list(reading.problems)
    settings, refused = _validated(reading)
    problems += refused
    wrong = frozenset(field for problem in problems for field in problem.fields)
    problems += [
        problem
        for rule in (
            *UPSTREAM_RULES,
            *RELAY_RULES,
            *REPLICA_RULES,
            *OIDC_RULES,
            *SESSION_RULES,
            *POLICY_RULES,
        )
        for problem in rule(settings, reading)
        if not problem.fields & wrong
    ]
    if only is not None:
        problems = [one for one in problems if not one.fields or not one.fields.isdisjoint(only)]
    if problems:
        raise SettingsError(tuple(dict.fromkeys(problem.sentence for problem in problems)))
    return settings


def _validated(reading: Reading) -> tuple[Settings, list[Problem]]:
    """The settings, with the defaults in the place of values that are wrong in themselves."""
    problems: list[Problem] = []
    try:
        settings = _built(reading)
    except ValidationError as error:
        problems = [
            problem
            for details in error.errors(include_url=False)
            for problem in _told(details, reading)
        ]
        reading.left_out |= {field for problem in problems for field in problem.fields}
        settings = _built(reading)
    settings._sources = {name: reading.source_of(name) for name in abouts()}
    settings._platform = {
        name: text for name in PLATFORM_TRACES if (text := reading.environment(name))
    }
    return settings, problems


def _built(reading: Reading) -> Settings:
    return Settings(_build_sources=((reading,), {}))


def _told(details: ErrorDetails, reading: Reading) -> Iterator[Problem]:
    """One error of pydantic's as sentences that never hold a secret."""
    field = str(details["loc"][0])
    about = abouts()[field]
    found = reading.found.get(field)
    place = found.place if found else about.variable
    reason = details.get("ctx", {}).get("error")
    about_field = frozenset({field})
    if isinstance(reason, FileRefused):
        for complaint in reason.complaints:
            yield Problem(f"{place}: {complaint}.", about_field)
    elif isinstance(reason, ValueError):
        yield Problem(f"{place} {reason}.", about_field)
    else:
        shown = _shown(about, found.text if found else "")
        yield Problem(f"{place} must be {about.form}{shown}.", about_field)


def _shown(about: About, text: str) -> str:
    if about.shown is not Shown.PLAIN or not text or len(text) > _LONGEST_SHOWN:
        return ""
    words = words_of(Settings.model_fields[about.field])
    near = get_close_matches(text.lower(), words, n=1)
    hint = f" (did you mean `{near[0]}`?)" if near else ""
    return f", not {text!r}{hint}"
