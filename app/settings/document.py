"""Writes `.env.example` and docs/settings.md from the table, so that they cannot go stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.settings.about import About, words_of
from app.settings.group import Group
from app.settings.policy_manual import policy_file_md
from app.settings.settings import GROUPS, PLATFORM_TRACES, Settings, abouts
from app.settings.tools import MOST_BYTES, MOST_TOOLS

COMMAND = "python -m app.settings --write"
FIRST_LINES = (
    "azure_openai_endpoint",
    "azure_openai_deployment",
    "azure_openai_api_version",
    "entra_credential",
    "auth",
)
"""What a person sets to talk to Azure from their own machine."""

_LIBRARIES = (
    (
        ", ".join(
            f"`{name}`"
            for name in (
                "IDENTITY_HEADER",
                "IDENTITY_SERVER_THUMBPRINT",
                "IMDS_ENDPOINT",
                "MSI_SECRET",
                *PLATFORM_TRACES,
            )
        ),
        "azure-identity, for a managed identity: the platform sets them.",
    ),
    (
        "`PATH`",
        "azure-identity, to find `az` and `azd` (credential `developer`); they see the whole "
        "environment.",
    ),
    (
        "`AZURE_HTTP_USER_AGENT`, `AZURE_SDK_LOGGING_MULTIRECORD`",
        "azure-core. The second has no effect, because its logger stays at WARNING.",
    ),
    (
        "`WEBSOCKETS_MAX_LINE_LENGTH`, `WEBSOCKETS_MAX_NUM_HEADERS`, `WEBSOCKETS_MAX_BODY_SIZE`",
        "websockets, at import: bounds of the handshake with upstream.",
    ),
    (
        "`SSL_CERT_FILE`, `SSL_CERT_DIR`",
        "OpenSSL: which certificates the system trusts. `RELAY_UPSTREAM_CA_FILE` replaces them "
        "on the way to upstream.",
    ),
    (
        "`NO_COLOR`, `FORCE_COLOR`, `TERM`, `COLUMNS`",
        "rich: what the terminal can show.",
    ),
)
_IGNORED = (
    "`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, `WEB_CONCURRENCY` and "
    "`FORWARDED_ALLOW_IPS` have no effect: the relay passes explicit values instead."
)


def outputs(root: Path) -> dict[Path, str]:
    """Each generated file and what it should hold."""
    return {root / ".env.example": env_example(), root / "docs" / "settings.md": settings_md()}


def env_example() -> str:
    """Every setting, commented out, with its default and its meaning."""
    known = abouts()
    lines = [
        "# Settings of the relay. Written by `" + COMMAND + "`: do not edit.",
        "# Copy to .env and remove the # in front of what you set. docs/settings.md says more.",
        "",
        "# Azure OpenAI with Microsoft Entra, from your own machine: these five lines.",
    ]
    lines += [line for name in FIRST_LINES for line in _env_lines(known[name], example=True)]
    for group in GROUPS:
        rest = [name for name in group.model_fields if name not in FIRST_LINES]
        lines += ["", f"# --- {group.title}: {_sentence(group)}"]
        lines += [line for name in rest for line in _env_lines(known[name], example=False)]
    return "\n".join(lines) + "\n"


def _env_lines(about: About, *, example: bool) -> Iterator[str]:
    notes = [about.meaning]
    if about.default_text:
        notes.append(f"Default: {about.default_text}.")
    value = about.default_literal
    if about.example and not value and not example:
        notes.append(f"Example: {about.example}")
    if about.file_variable:
        notes.append(f"Or {about.file_variable}=/path.")
    yield f"# {' '.join(notes)}"
    yield f"#{about.variable}={about.example if example else value}"


def settings_md() -> str:
    """The reference for operators."""
    parts = [_HEAD, _five_lines()]
    parts += ["\n".join(_section(group)) for group in GROUPS]
    parts += [policy_file_md(), _TOOLS, _libraries()]
    return "\n\n".join(parts) + "\n"


_HEAD = f"""# Settings

<!-- Written by `{COMMAND}` from app/settings: do not edit. -->

The relay is set up by environment variables, and by a file `.env` in the directory where it is
started. `realtime-relay check` shows what is in force and where each value came from.

* The environment wins over `.env`. An empty value is no value; in the environment it also hides
  the one in `.env`. Nothing in a value is expanded.
* Where `NAME_FILE` is given, the value may stand in a file of that name instead: a newline at its
  end is cut off. `NAME` and `NAME_FILE` together stop the start.
* An unknown `RELAY_...` variable, a contradiction or an unsafe combination stops the start, with
  one sentence for each that names the variable and the fix. Values of secrets are never shown.
* `realtime-relay demo` reads no `.env`, leaves the variables of Azure alone, and decides upstream,
  sign-in and page itself."""


_TOOLS = f"""## The tools file

A JSON array of function tools. The model may call them, and the client runs them (`runs` may say
`client`, which is the default; `server` is for tools behind the relay, which are not built yet):

```json
[
  {{
    "type": "function",
    "name": "get_weather",
    "description": "Current weather in a city.",
    "parameters": {{
      "type": "object",
      "properties": {{"city": {{"type": "string"}}}},
      "required": ["city"]
    }}
  }}
]
```

At most {MOST_TOOLS} tools of {MOST_BYTES // 1024} KiB each. Names are unique and have 1 to 64
letters, digits, underscores and hyphens; `parameters` is an object schema. The file is read once,
at the start; a mistake stops it with a sentence that names file, index and field."""


def _five_lines() -> str:
    known = abouts()
    lines = [f"{known[name].variable}={known[name].example}" for name in FIRST_LINES]
    return "\n".join(
        [
            "## Azure in five lines",
            "",
            "With Microsoft Entra, after `az login`, on your own machine:",
            "",
            "```",
            *lines,
            "```",
            "",
            "The account needs the role *Cognitive Services OpenAI User* on the resource.",
        ]
    )


def _section(group: type[Group]) -> Iterator[str]:
    yield f"## {group.title}"
    yield ""
    yield _sentence(group)
    yield ""
    yield "| variable | default | meaning | allowed | example |"
    yield "|---|---|---|---|---|"
    for name in group.model_fields:
        about = abouts()[name]
        names = f"`{about.variable}`"
        if about.file_variable:
            names += f", `{about.file_variable}`"
        cells = (names, _default(about), about.meaning, _allowed(about), _code(about.example))
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(about: About) -> str:
    return _code(about.default_literal) or about.default_text or "none"


def _allowed(about: About) -> str:
    if words_of(Settings.model_fields[about.field]):
        return about.form
    unit = f", in {about.unit}" if about.unit else ""
    return f"{about.form}{unit}"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _sentence(group: type[Group]) -> str:
    return " ".join((group.__doc__ or "").split())


def _libraries() -> str:
    rows = [f"| {names} | {reader} |" for names, reader in _LIBRARIES]
    return "\n".join(
        [
            "## What libraries read by themselves",
            "",
            "The relay reads nothing but the settings above, and hands values to its libraries. "
            "These variables are read by libraries all the same; they must stand in the real "
            "environment, because `.env` is read by the relay alone.",
            "",
            "| variables | read by |",
            "|---|---|",
            *rows,
            "",
            _IGNORED,
        ]
    )
