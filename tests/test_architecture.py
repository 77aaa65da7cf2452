"""The rooms keep their shape: signs, sizes, names, imports, tasks."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"
ROOMS = sorted(path.parent.name for path in APP.glob("*/__init__.py"))
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in APP.rglob("*.py"))
NO_ROOMS = {"utils", "helpers", "common", "base", "manager", "service", "handler"}
ANYTHING = {"cli"}
"""Rooms that may import everything, so that no contract names them as a source."""

LONGEST_MODULE = 250
LONGEST_FUNCTION = 40


def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_sign_that_says_what_it_may_import(room: str) -> None:
    sign = ast.get_docstring(tree(f"app/{room}/__init__.py"))
    assert sign, f"app/{room}/__init__.py says nothing"
    assert "May import" in sign


@pytest.mark.parametrize("room", sorted(set(ROOMS) - ANYTHING))
def test_a_room_stands_in_an_import_contract(room: str) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    sources = {name for contract in contracts for name in contract.get("source_modules", [])}
    assert f"app.{room}" in sources


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_is_for_and_is_short(module: str) -> None:
    source = (ROOT / module).read_text()
    assert ast.get_docstring(ast.parse(source)), f"{module} has no docstring"
    if f"Longer than {LONGEST_MODULE} lines because" not in source:
        assert len(source.splitlines()) <= LONGEST_MODULE, f"{module}: split it, or say why not"
    assert not NO_ROOMS & set(Path(module).with_suffix("").parts), f"{module}: name it by its role"


@pytest.mark.parametrize("module", MODULES)
def test_a_function_is_short(module: str) -> None:
    long = [
        node.name
        for node in ast.walk(tree(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.body[0].lineno >= LONGEST_FUNCTION
    ]
    assert not long, f"{module}: {long}"


@pytest.mark.parametrize(
    "module", [module for module in MODULES if not module.startswith("app/simulator/")]
)
def test_tasks_are_made_in_one_place(module: str) -> None:
    if module == "app/relay/tasks.py":
        return
    calls = {
        node.attr
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}
    }
    if module == "app/wire/handshake.py":  # the ASGI call, before there is a session
        calls -= {"create_task"}
    assert not calls, f"{module} makes tasks of its own"


def test_no_package_index_and_no_download_address_stands_in_the_locks() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert "--hash=sha256:" in text, lock.name
