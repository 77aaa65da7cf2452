"""The documents say what is there: generated parts are fresh, names exist, examples run."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shutil
import sys
import tomllib
import wave
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from app.__main__ import cli
from app.cli import policy_document
from app.cli.demo import UNLESS_SET
from app.cli.policy_document import COMMAND, outputs, policy_blocks
from app.policy import tables
from app.policy.policy import Act, Profile
from app.policy.rows import ROWS
from app.policy.server_events import DELTAS
from app.protocol.close_reasons import ENDINGS, CloseReason
from app.protocol.dialects import KINDS
from app.protocol.dialects.voices import GA_VOICES, PREVIEW_VOICES, preview_voice
from app.protocol.errors import FIXED_TEXTS
from app.protocol.names import ClientKind, Dialect
from app.protocol.session_object import PREVIEW_SESSION, Renaming
from app.session.commands import Command
from app.session.gate import Gate
from app.settings import AuthMode, load
from app.settings.document import FIRST_LINES
from app.settings.settings import PLATFORM_TRACES, abouts
from app.web.realtime import PATHS, SERVED
from tests.harness.embedded import embedded
from tests.harness.process import environment
from tests.harness.relay import running_relay

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCS]
TEXTS = {name: (ROOT / name).read_text() for name in NAMES}
README, PROTOCOL = TEXTS["README.md"], TEXTS["docs/protocol.md"]
POLICY, ARCHITECTURE = TEXTS["docs/policy.md"], TEXTS["docs/architecture.md"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"(?<![\w/#.-])(?:app|docs|tests|requirements|\.ci)/\w[\w./*-]*+(?!#)")
VARIABLE = re.compile(r"\b(?:RELAY|AZURE)_[A-Z_]*[A-Z]\b(?!_)")

HOSTS = {
    "127.0.0.1",
    "localhost",
    "ai.azure.com",
    "cognitiveservices.azure.com",
    "host",
    "login.microsoftonline.com",
    "sts.windows.net",  # the issuer of Entra tokens of version 1.0
    "login.microsoftonline.us",
    "my-resource.openai.azure.com",
}
"""Hosts that a document may name, beside those of `example.com`: whoever follows a command of ours
goes nowhere else."""


def fences(text: str, language: str) -> list[str]:
    return [code for name, code in FENCE.findall(text) if name == language]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """What a link may name: headings as they become anchors, and anchors of their own."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    slugs = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {*slugs, *re.findall(r'<a id="([^"]+)"></a>', text)}


# -- generated parts ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", outputs(ROOT), ids=lambda path: path.name)
def test_the_generated_parts_are_as_the_tables_say(path: Path) -> None:
    assert path.read_text() == outputs(ROOT)[path], f"{path} is stale: run `{COMMAND}`"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the documents in which the generator works."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    monkeypatch.setattr(policy_document, "ROOT", tmp_path)
    return tmp_path


def test_a_stale_document_is_named_and_then_written(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = checkout / "docs" / "protocol.md"
    whole = document.read_text()
    document.write_text(whole.replace("| 4510 |", "| 4511 |"))
    assert policy_document.main(["--check"]) == 1
    assert capsys.readouterr().out == f"docs/protocol.md is stale: run `{COMMAND}`\n"
    assert policy_document.main(["--write"]) == 0
    assert document.read_text() == whole
    assert policy_document.main(["--check"]) == 0


@pytest.mark.parametrize("harm", ["a lost mark", "a mark twice", "no end", "no document"])
def test_a_document_that_cannot_be_filled_is_left_alone(
    checkout: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    document = checkout / "docs" / "policy.md"
    mark = "<!-- generated: numbers -->\n"
    head, _, tail = document.read_text().partition(mark)
    harmed = {
        "a lost mark": head + tail,
        "a mark twice": head + mark + tail + mark,
        "no end": head + mark,
    }.get(harm)
    document.unlink()
    if harmed is not None:
        document.write_text(harmed)
    assert policy_document.main(["--write"]) == 2
    assert str(document) in capsys.readouterr().err
    assert (document.read_text() if document.exists() else None) == harmed


# -- what the code knows stands in the documents -----------------------------------------------


@pytest.mark.parametrize("reason", CloseReason)
def test_a_close_reason_stands_in_the_protocol_with_its_code(reason: CloseReason) -> None:
    assert f"| {ENDINGS[reason].close_code} | `{reason.value}` |" in PROTOCOL


def rules() -> Iterator[str]:
    """The rules of all rows, and those that the code names where it decides."""
    for value in vars(tables).values():
        if isinstance(value, tables.Row):
            yield value.rule
        elif isinstance(value, dict):
            yield from (row.rule for row in value.values() if isinstance(row, tables.Row))
    yield from (tables.UNKNOWN_FIELD, tables.OTHER_SPELLING)
    for path in (*ROOT.glob("app/policy/*.py"), *ROOT.glob("app/session/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            decides = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if not decides or not isinstance(node, ast.Call) or not node.args:
                continue
            rule = node.args[0]
            call = getattr(node.func, "id", "")
            if call in {"Refuse", "Drop", "Ignore", "Acknowledge"} and isinstance(
                rule, ast.Constant
            ):
                yield str(rule.value)
            elif call == "_too_fast" and isinstance(rule, ast.Constant):
                yield f"rate-{rule.value!s}"


def test_every_rule_has_its_anchor_and_every_anchor_is_a_rule_or_a_heading() -> None:
    known = set(rules())
    assert {"item-system", "unknown-id", "hidden", "item-text-limit", "rate-events"} <= known
    assert known <= anchors(POLICY)
    marked = re.findall(r'<a id="([^"]+)"></a>', POLICY)
    assert len(marked) == len(set(marked)), "an anchor stands twice"
    assert set(marked) <= known


def test_a_row_shows_what_each_profile_does() -> None:
    fields = policy_blocks()["session fields"].splitlines()
    (voice,) = (line for line in fields if line.startswith("| `session.voice` (GA: "))
    assert "| stripped | allowed | allowed | from the operator's list |" in voice
    (delete,) = (line for line in policy_blocks()["events"].splitlines() if ".delete" in line)
    assert "| **refused** | allowed | allowed |" in delete


def test_a_value_in_the_policy_names_the_variable_that_sets_it() -> None:
    values = policy_blocks()["values"]
    for variable in ("RELAY_POLICY", "RELAY_SESSION_TOOLS_FILE", "RELAY_SHOW_USAGE"):
        assert f"| `{variable}` |" in values
    assert "| no setting |" in values


@pytest.mark.parametrize("kind", [*ClientKind, *KINDS[Dialect.PREVIEW]])
def test_every_event_of_the_protocol_stands_in_the_policy(kind: str) -> None:
    assert f"`{kind}`" in POLICY


def test_the_policy_says_which_events_pass_as_upstreams_own_bytes() -> None:
    (row,) = re.findall(r"^\| (.*) \| if response and item .*own bytes", POLICY, re.MULTILINE)
    kinds = KINDS[Dialect.PREVIEW]
    assert {kinds[name] for name in re.findall(r"`([^`]+)`", row)} == DELTAS


@pytest.mark.parametrize("kind", KINDS[Dialect.GA])
def test_an_event_that_only_ga_has_stands_in_the_policy_too(kind: str) -> None:
    known = set(KINDS[Dialect.PREVIEW].values())
    assert f"`{kind}`" in POLICY or KINDS[Dialect.GA][kind] in known


def test_the_architecture_names_every_room_and_every_input_and_command_of_the_gate() -> None:
    rooms = sorted(path.parent.name for path in (ROOT / "app").glob("*/__init__.py"))
    assert [room for room in rooms if f"`app/{room}/`" not in ARCHITECTURE] == []
    inputs = [name for name in vars(Gate) if name.startswith("on_")]
    assert [name for name in inputs if f"`{name}(" not in ARCHITECTURE] == []
    commands = [command.__name__ for command in get_args(Command)]
    assert [name for name in commands if f"`{name}(" not in ARCHITECTURE] == []


def test_the_protocol_names_every_door() -> None:
    assert [path for path in PATHS if f"`WS {path}`" not in PROTOCOL] == []


def test_every_decision_is_in_the_list_and_at_most_a_page_long() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    assert decisions
    for path in decisions:
        assert f"]({path.name})" in TEXTS["docs/adr/README.md"]
        assert len(path.read_text().splitlines()) <= 60, f"{path.name} is longer than a page"
        assert "\nStatus: " in path.read_text()


# -- what the documents name is there ----------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    for target in LINK.findall(prose(TEXTS[name])):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), f"{name} links to {target}"
        if anchor:
            assert anchor in anchors(file.read_text()), f"{name} links to {target}"


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_exists(name: str) -> None:
    for path in FILE.findall(TEXTS[name]):
        assert (ROOT / path.rstrip(".")).exists(), f"{name} names {path}"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_that_is_named_exists(name: str) -> None:
    known = {about.variable for about in abouts().values()}
    known |= {about.file_variable for about in abouts().values() if about.file_variable}
    known |= {*PLATFORM_TRACES, "AZURE_HTTP_USER_AGENT", "AZURE_SDK_LOGGING_MULTIRECORD"}
    assert {found for found in VARIABLE.findall(TEXTS[name]) if found not in known} == set()


def _subcommands() -> dict[str, Any]:
    return dict(typer.main.get_group(cli).commands)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_that_is_named_exists(name: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    code = " ".join(
        re.findall(r"`[^`]+`", TEXTS[name]) + [c for _, c in FENCE.findall(TEXTS[name])]
    )
    for target in re.findall(r"\bmake (?:PYTHON=\S+ )?([a-z][a-z-]*)", code):
        assert target in targets, f"{name}: make {target}"
    for command in re.findall(r"\brealtime-relay ([a-z]+)\b(?!-)", code):
        assert command in _subcommands(), f"{name}: realtime-relay {command}"
    for module in re.findall(r"python -m (app[\w.]*)", code):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_the_readme_names_every_command_and_the_two_that_matter() -> None:
    named = re.findall(r"^\| `realtime-relay ([a-z]+)", README, re.MULTILINE)
    assert sorted(named) == sorted(_subcommands())
    assert fences(README, "")[0] == "make run\n"
    assert "make test\n" in fences(README, "")


def test_every_option_of_the_embedded_upstream_is_described_with_its_default() -> None:
    text = TEXTS["docs/embedded-upstream.md"]
    for option in _subcommands()["simulate"].params:
        (line,) = re.findall(rf"^\| `{option.opts[0]}` \| (.*)$", text, re.MULTILINE)
        default = option.default
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert line.startswith(f"{default:g} |"), option.opts[0]


OPEN_ENDED = {*FIXED_TEXTS, "invalid_json", "policy_violation"} - {"session_expired"}
"""Codes of errors after which a session goes on."""

DEMO = {"embedded_address": "http://127.0.0.1:1", "embedded_key": "key", "auth": "dev"}


def test_what_the_demo_decides_is_described_beside_the_default() -> None:
    text = TEXTS["docs/embedded-upstream.md"]
    for field, (_, value) in UNLESS_SET.items():
        default = abouts()[field].default
        expected = "none" if default is None else str(default)
        row = rf"^\| `{abouts()[field].variable}` \| .*{re.escape(value)}.*unless set.* \| (.*) \|$"
        (shown,) = re.findall(row, text, re.MULTILINE)
        assert shown.strip("`") == expected, field


@pytest.mark.parametrize("code", sorted(OPEN_ENDED))
def test_an_error_that_a_client_can_meet_stands_in_the_protocol(code: str) -> None:
    (section,) = re.findall(r"^## Errors$(.*?)^## Endings", PROTOCOL, re.MULTILINE | re.DOTALL)
    assert f"`{code}`" in section


def test_the_graces_that_are_recommended_outlast_the_drain() -> None:
    deploy, compose = TEXTS["docs/deploy.md"], (ROOT / "docker-compose.yml").read_text()
    rows = re.findall(r"^\| (?:long|no session)[^|]* \| (\d+) \| (\d+) \|$", deploy, re.MULTILINE)
    drains = {int(drain): int(grace) for drain, grace in rows}
    default = abouts()["drain_seconds"].default
    assert drains.keys() == {default, abouts()["session_max_seconds"].default + 10}
    assert all(grace >= drain + 25 for drain, grace in drains.items())
    assert f"stop_grace_period: {drains[default]}s" in compose


def test_the_policy_file_of_the_manual_does_what_the_manual_says(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(*fences(POLICY, "toml"))
    about = {
        "RELAY_POLICY_FILE": str(tmp_path / "policy.toml"),
        "RELAY_PROFILE_CLAIM": "role",
    }
    settings = load(about, env_file=None, upstream="embedded", **DEMO)
    assert settings.profile_rule().choose(lambda _: None) is Profile.GUIDED
    assert settings.profile_rule().choose(lambda _: "staff") is Profile.OPEN
    policy = settings.policy(Profile.GUIDED)
    assert (policy.voices, policy.max_output_tokens) == (("alloy", "coral"), 1024)
    assert policy.act(ROWS["session.instructions"]) is Act.ALLOW
    assert policy.act(ROWS["conversation.item.delete"]) is Act.REFUSE
    assert policy.reports == {"user/input_image"}


def test_the_rows_that_the_manual_calls_closed_are_those_that_no_file_opens() -> None:
    closed = [row for row in ROWS.values() if Act.ALLOW not in map(row.act, Profile)]
    assert closed == [row for row in ROWS.values() if not row.opens()]


@pytest.mark.parametrize("name", NAMES)
def test_no_document_sends_anybody_to_an_unknown_host(name: str) -> None:
    for host in re.findall(r"\b(?:https?|wss?)://([\w-][\w.-]*)", TEXTS[name]):
        assert host in HOSTS or host.endswith("example.com"), f"{name} names {host}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_open_and_every_line_can_be_read(name: str) -> None:
    assert "TO" + "DO" not in TEXTS[name]
    for line in prose(TEXTS[name]).splitlines():
        assert line == line.rstrip(), f"{name}: a space at the end of {line!r}"
        wide = len(line) > 110 and not line.startswith(("|", "!["))
        assert not wide or name == "docs/settings.md", f"{name}: break the line {line!r}"
    for code in fences(TEXTS[name], "json"):
        json.loads(code)


def test_the_licence_is_the_one_that_the_package_names() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "\n## [Unreleased]\n" in TEXTS["CHANGELOG.md"]


# -- the examples run --------------------------------------------------------------------------


def test_the_five_lines_for_azure_are_those_of_the_settings() -> None:
    lines = [f"{abouts()[name].variable}={abouts()[name].example}\n" for name in FIRST_LINES]
    assert "".join(lines) in fences(README, "")


@pytest.mark.parametrize("mode", AuthMode)
def test_every_way_to_sign_in_stands_in_security_and_in_the_protocol(mode: AuthMode) -> None:
    for text in (TEXTS["docs/security.md"], PROTOCOL):
        assert f"`RELAY_AUTH={mode}`" in text


def test_both_dialects_are_called_built_because_both_are_served() -> None:
    assert frozenset(Dialect) == SERVED
    assert "both dialects" in README.partition("**Built:**")[2]
    assert "GA" not in README.partition("**Not built yet:**")[2]


@pytest.mark.parametrize("renaming", PREVIEW_SESSION, ids=lambda renaming: renaming.flat)
def test_every_name_that_the_dialects_spell_differently_stands_in_the_protocol(
    renaming: Renaming,
) -> None:
    (section,) = re.findall(r"^## Dialects$(.*?)^## ", PROTOCOL, re.MULTILINE | re.DOTALL)
    assert f"`{renaming.flat}`" in section
    assert f".{renaming.nested[-1]}`" in section or f"`{renaming.nested[-1]}`" in section


def test_the_voices_that_are_replaced_stand_in_the_protocol() -> None:
    for voice in set(GA_VOICES) - set(PREVIEW_VOICES):
        assert f"`{voice}`" in PROTOCOL
        assert f"`{preview_voice(voice)}`" in PROTOCOL


async def test_make_run_prints_what_the_readme_shows() -> None:
    (shown,) = (code for code in fences(README, "") if "realtime relay ─" in code)
    process = await _started("-m", "app", "demo", "--port", "0", cwd=ROOT)
    try:
        async with asyncio.timeout(30):
            printed = await _until_the_box_closes(process)
    finally:
        process.terminate()
        async with asyncio.timeout(15):
            await process.wait()
    assert _without_ports(printed) == _without_ports(shown)


async def test_the_first_client_of_the_readme_hears_an_answer(tmp_path: Path) -> None:
    (code,) = fences(README, "python")
    async with embedded() as upstream, running_relay(upstream.address, upstream.key) as relay:
        address = "ws://127.0.0.1:8080"
        assert address in code
        (tmp_path / "hello.py").write_text(code.replace(address, relay.address))
        process = await _started("hello.py", cwd=tmp_path)
        async with asyncio.timeout(30):
            printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    assert printed.decode().startswith("Once upon a time, a small relay")
    with wave.open(str(tmp_path / "answer.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24_000, 1, 2)
        assert sound.getnframes() > 10 * 24_000, "a story takes longer than ten seconds"
        assert max(sound.readframes(24_000)) > 0


async def test_the_sdk_of_the_protocol_hears_an_answer(tmp_path: Path) -> None:
    (code,) = fences(PROTOCOL, "python")
    async with embedded() as upstream, running_relay(upstream.address, upstream.key) as relay:
        address = "127.0.0.1:8080"
        assert code.count(address) == 2
        here = relay.address.removeprefix("ws://")
        (tmp_path / "sdk.py").write_text(code.replace(address, here))
        process = await _started("sdk.py", cwd=tmp_path)
        async with asyncio.timeout(40):
            printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()
        assert printed.decode().startswith("I am the embedded upstream")
        (tmp_path / "sdk.py").write_text(
            code.replace(address, here).replace("azure_ad_token", "api_key")
        )
        process = await _started("sdk.py", cwd=tmp_path)
        async with asyncio.timeout(40):
            printed, _ = await process.communicate()
        assert printed.decode().startswith("I am the embedded upstream"), "api-key is as good"


async def _started(*arguments: str, cwd: Path) -> Process:
    environ = environment(NO_PROXY="127.0.0.1", PYTHONPATH=str(ROOT), COLUMNS="200")
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, stderr=STDOUT, cwd=cwd, env=environ
    )


async def _until_the_box_closes(process: Process) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("╰"):
        line = (await process.stdout.readline()).decode()
        assert line, "".join(lines)
        lines.append(line)
    return "".join(lines)


def _without_ports(banner: str) -> list[str]:
    """The words of a banner, without what depends on the machine: ports, the way to the command,
    and so the width of the box."""
    banner = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", banner)
    banner = re.sub(r"\S*realtime-relay check", "realtime-relay check", banner)
    return [re.sub(r" +│$", " │", line).strip("─╮╯") for line in banner.splitlines()]
