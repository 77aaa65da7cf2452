"""The tools file: what is taken, and how a mistake is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.settings import load
from app.settings.tools import parse_tools
from tests.unit.test_settings import AZURE, only_problem, problems

TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def _environ(folder: Path, content: str) -> dict[str, str]:
    path = folder / "tools.json"
    path.write_text(content)
    return AZURE | {"RELAY_SESSION_TOOLS_FILE": str(path)}


def test_the_operators_definition_reaches_policy_and_configuration(tmp_path: Path) -> None:
    other = {"type": "function", "name": "stop", "parameters": {"type": "object"}}
    settings = load(_environ(tmp_path, json.dumps([TOOL, other])))
    assert [tool.name for tool in settings.policy().client_tools] == ["get_weather", "stop"]
    assert settings.configuration().session()["tools"] == [TOOL, other]
    assert settings.configuration().session()["tool_choice"] == "auto"


def test_an_empty_list_is_a_list(tmp_path: Path) -> None:
    assert load(_environ(tmp_path, "[]")).session_tools == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"type": "mcp"}, '[1].type must be "function"'),
        ({"name": "get weather"}, "[1].name must be 1 to 64"),
        ({"name": "a" * 65}, "[1].name must be 1 to 64"),
        ({"name": ""}, "[1].name must be 1 to 64"),
        ({"name": 7}, "[1].name must be 1 to 64"),
        ({"name": None}, "[1].name must be 1 to 64"),
        ({"name": "get_weather\n"}, "[1].name must be 1 to 64"),
        ({"description": 7}, "[1].description must be a text"),
        ({"parameters": None}, "[1].parameters must be an object schema"),
        ({"parameters": {"type": "string"}}, "[1].parameters must be an object schema"),
        ({"parameters": {"type": "object", "properties": []}}, "[1].parameters.properties must"),
        ({"parameters": {"type": "object", "required": "city"}}, "[1].parameters.required must"),
        ({"server_url": "https://x"}, "[1].server_url is not a field of a tool"),
        ({"description": "x" * 17_000}, "[1] takes 17"),
    ],
)
def test_a_mistake_is_told_with_file_index_and_field(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    environ = _environ(tmp_path, json.dumps([TOOL, TOOL | {"name": "other"} | change]))
    problem = only_problem(environ)
    path = environ["RELAY_SESSION_TOOLS_FILE"]
    assert problem.startswith(f"RELAY_SESSION_TOOLS_FILE ({path}): {told}")


def test_names_are_unique(tmp_path: Path) -> None:
    problem = only_problem(_environ(tmp_path, json.dumps([TOOL, TOOL | {"description": "b"}])))
    assert "[1].name is the same as [0].name" in problem


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = problems(_environ(tmp_path, json.dumps([{}, 3, TOOL, TOOL])))
    assert len(told) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
        ("{}", "it must hold a JSON array"),
        ('[{"name": "a", "name": "b"}]', "the same key twice"),
        ('[{"size": NaN}]', "NaN is no JSON number"),
        ("[" * 100_000, "not JSON that can be used"),
    ],
)
def test_a_file_that_is_no_list_of_tools_is_told(content: str, told: str) -> None:
    tools, complaints = parse_tools(content)
    assert tools == ()
    assert len(complaints) == 1
    assert told in complaints[0]


def test_there_are_at_most_64_tools() -> None:
    most = [TOOL | {"name": f"tool_{number}"} for number in range(65)]
    assert parse_tools(json.dumps(most)) == ((), ("it holds 65 tools: at most 64 are allowed",))
    tools, complaints = parse_tools(json.dumps(most[:64]))
    assert (len(tools), complaints) == (64, ())


def test_a_tool_may_take_16_kib_and_no_byte_more() -> None:
    empty = len(json.dumps(TOOL | {"description": ""}))
    full = TOOL | {"description": "x" * (16 * 1024 - empty)}
    assert parse_tools(json.dumps([full]))[1] == ()
    over = TOOL | {"description": "x" * (16 * 1024 - empty + 1)}
    assert parse_tools(json.dumps([over]))[1] == (
        "[0] takes 16385 bytes: at most 16384 are allowed",
    )


def test_a_missing_tools_file_is_told() -> None:
    problem = only_problem(AZURE | {"RELAY_SESSION_TOOLS_FILE": "/no/such.json"})
    assert problem.startswith("RELAY_SESSION_TOOLS_FILE names /no/such.json, which cannot be read")
