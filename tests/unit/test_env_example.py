"""`.env.example` and docs/settings.md: written from the table, complete, and true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.settings import Settings, load
from app.settings import __main__ as command
from app.settings.about import About
from app.settings.document import COMMAND, FIRST_LINES, env_example, outputs, settings_md
from app.settings.oidc_group import Oidc
from app.settings.settings import abouts

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^#([A-Z_]+)=(.*)$", re.MULTILINE)


@pytest.mark.parametrize("path", outputs(ROOT), ids=lambda path: path.name)
def test_the_file_is_as_the_table_says(path: Path) -> None:
    assert path.read_text() == outputs(ROOT)[path], f"{path} is stale: run `{COMMAND}`"


def test_every_variable_stands_in_the_example_once_and_is_commented_out() -> None:
    names = [name for name, _ in LINE.findall(env_example())]
    assert sorted(names) == sorted(about.variable for about in abouts().values())
    assert not [line for line in env_example().splitlines() if line and not line.startswith("#")]


def test_the_five_lines_for_azure_with_entra_come_first_and_are_enough(tmp_path: Path) -> None:
    first = LINE.findall(env_example())[:5]
    assert [name for name, _ in first] == [abouts()[field].variable for field in FIRST_LINES]
    env_file = tmp_path / ".env"
    env_file.write_text("\n".join(f"{name}={value}" for name, value in first))
    assert load({}, env_file=env_file).endpoint().host == "my-resource.openai.azure.com"


def test_the_example_with_every_line_switched_on_changes_no_default(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(LINE.sub(r"\1=\2", env_example()))
    settings = load({}, env_file=env_file)
    usual = Settings()
    changed = {
        name
        for name in Settings.model_fields
        if name != "user_hash_key" and getattr(settings, name) != getattr(usual, name)
    }
    assert changed == set(FIRST_LINES)


WITH_EXAMPLE = [about for about in abouts().values() if about.example and "path" not in about.form]


@pytest.mark.parametrize("about", WITH_EXAMPLE, ids=lambda about: about.variable)
def test_an_example_is_a_value_that_is_taken(about: About) -> None:
    """Files apart: those of the examples do not exist here."""
    base = {
        "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com",
        "AZURE_OPENAI_DEPLOYMENT": "x",
        "AZURE_OPENAI_API_VERSION": "2025-04-01-preview",
        "RELAY_AUTH": "dev",
        "RELAY_DEV_NETWORK": "true",
    }
    if about.field in Oidc.model_fields:
        base |= {
            "RELAY_AUTH": "oidc",
            "RELAY_OIDC_ISSUER": "https://login.example.com/",
            "RELAY_OIDC_AUDIENCE": "x",
        }
    if about.field == "embedded_address":
        base = {"RELAY_UPSTREAM": "embedded", "RELAY_EMBEDDED_KEY": "x", "RELAY_AUTH": "dev"}
    settings = load(base | {about.variable: about.example})
    assert getattr(settings, about.field) != Settings.model_fields[about.field].default


def test_every_variable_has_a_row_with_its_default_and_its_meaning_in_the_docs() -> None:
    rows = [line for line in settings_md().splitlines() if line.startswith("| `")]
    for about in abouts().values():
        (row,) = [row for row in rows if row.startswith(f"| `{about.variable}`")]
        assert about.meaning in row
        assert about.default_literal in row
        assert about.unit in row
        assert about.file_variable is None or f"`{about.file_variable}`" in row


def test_every_row_says_what_is_allowed() -> None:
    assert [about.variable for about in abouts().values() if not about.form] == []


def test_no_generated_file_holds_a_secret_or_a_random_default() -> None:
    key = Settings().user_hash_key.get_secret_value()
    assert key not in env_example() + settings_md()
    assert env_example() == env_example()


def test_the_command_writes_what_is_stale_and_tells_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--check"]) == 1
    assert f".env.example is stale: run `{COMMAND}`" in capsys.readouterr().out
    assert command.main(["--write"]) == 0
    assert (tmp_path / ".env.example").read_text() == env_example()
    assert (tmp_path / "docs" / "settings.md").read_text() == settings_md()
    assert command.main(["--check"]) == 0
    assert command.main(["--write"]) == 0
    assert capsys.readouterr().out.count("wrote") == 2
