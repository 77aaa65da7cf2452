"""Where values come from: environment, `.env`, files, and which of them wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import load
from app.settings.choices import Source
from tests.unit.test_settings import AZURE, SECRET, WITH_KEY, only_problem, problems

KEYLESS = {name: value for name, value in WITH_KEY.items() if name != "AZURE_OPENAI_API_KEY"}


def _dotenv(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_bytes(text.encode())
    return path


def _file(folder: Path, content: bytes) -> str:
    path = folder / "value"
    path.write_bytes(content)
    return str(path)


# -- .env --------------------------------------------------------------------------------------


def test_a_dotenv_file_is_read(tmp_path: Path) -> None:
    env_file = _dotenv(tmp_path, "RELAY_PORT=9000\nexport RELAY_POLICY='locked' # so be it\n")
    settings = load(AZURE, env_file=env_file)
    assert (settings.port, settings.profile) == (9000, "locked")


def test_the_environment_wins_over_the_dotenv_file(tmp_path: Path) -> None:
    env_file = _dotenv(tmp_path, "RELAY_PORT=9000\n")
    assert load(AZURE | {"RELAY_PORT": "9001"}, env_file=env_file).port == 9001


def test_an_empty_value_is_none_and_in_the_environment_hides_the_dotenv_file(
    tmp_path: Path,
) -> None:
    env_file = _dotenv(tmp_path, "RELAY_PORT=9000\nRELAY_HOST=\nRELAY_IDLE_SECONDS=  \n")
    settings = load(AZURE | {"RELAY_PORT": ""}, env_file=env_file)
    assert (settings.port, settings.host, settings.idle_seconds) == (8080, "127.0.0.1", 300)


def test_a_dotenv_file_need_not_exist(tmp_path: Path) -> None:
    assert load(AZURE, env_file=tmp_path / ".env").port == 8080


def test_nothing_in_a_value_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_SWEET_HOME", "expanded")
    env_file = _dotenv(tmp_path, "AZURE_OPENAI_API_KEY=a$1${HOME_SWEET_HOME}\n")
    key = load(KEYLESS, env_file=env_file).azure_openai_api_key
    assert key is not None
    assert key.get_secret_value() == "a$1${HOME_SWEET_HOME}"


def test_an_unknown_variable_in_the_dotenv_file_stops_the_start(tmp_path: Path) -> None:
    env_file = _dotenv(tmp_path, "RELAY_PROT=1\nSOMETHING_ELSE=1\n")
    assert "did you mean RELAY_PORT?" in only_problem(AZURE, env_file=env_file)


def test_a_line_that_is_none_is_told_by_its_number_and_without_its_text(tmp_path: Path) -> None:
    env_file = _dotenv(tmp_path, f"RELAY_PORT=1\n\n='{SECRET}\nRELAY_HOST=::1\n")
    problem = only_problem(AZURE, env_file=env_file)
    assert problem == f"{env_file} cannot be read in line 3: write NAME=value there."


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"RELAY_PORT=\xff\xfe", "is not UTF-8 text"), (b"#" * 1_100_000, "is larger than 1 MiB")],
)
def test_a_dotenv_file_that_is_no_text_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(content)
    assert told in only_problem(AZURE, env_file=env_file)


def test_a_folder_in_the_place_of_a_dotenv_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in only_problem(AZURE, env_file=tmp_path)


def test_a_byte_order_mark_and_foreign_line_ends_do_not_matter(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"\xef\xbb\xbfRELAY_PORT=9000\r\nRELAY_HOST=::1\r\n")
    settings = load(AZURE, env_file=env_file)
    assert (settings.port, settings.host) == (9000, "::1")


# -- NAME_FILE ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\n\n"])
def test_a_secret_may_come_from_a_file_whose_last_newline_is_not_part_of_it(
    tmp_path: Path, ending: bytes
) -> None:
    path = _file(tmp_path, SECRET.encode() + ending)
    key = load(KEYLESS | {"AZURE_OPENAI_API_KEY_FILE": path}).azure_openai_api_key
    assert key is not None
    assert key.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("AZURE_OPENAI_API_KEY_FILE", "azure_openai_api_key"),
        ("AZURE_CLIENT_SECRET_FILE", "azure_client_secret"),
        ("AZURE_CLIENT_CERTIFICATE_PASSWORD_FILE", "azure_client_certificate_password"),
        ("RELAY_USER_HASH_KEY_FILE", "user_hash_key"),
    ],
)
def test_every_secret_may_come_from_a_file(tmp_path: Path, variable: str, field: str) -> None:
    value = f"{SECRET}-{SECRET}"
    environ = (AZURE if field != "azure_openai_api_key" else KEYLESS) | {
        variable: _file(tmp_path, value.encode())
    }
    settings = load(environ)
    assert getattr(settings, field).get_secret_value() == value
    row = next(row for row in settings.describe() if row.name == variable.removesuffix("_FILE"))
    assert (row.source, row.value) == (Source.FILE, "********")


def test_instructions_may_come_from_a_file_with_their_inner_lines(tmp_path: Path) -> None:
    path = _file(tmp_path, "Sei höflich.\n\nAntworte kurz.\n".encode())
    settings = load(AZURE | {"RELAY_SESSION_INSTRUCTIONS_FILE": path})
    assert settings.session_instructions == "Sei höflich.\n\nAntworte kurz."


def test_the_name_of_a_file_may_stand_in_the_dotenv_file(tmp_path: Path) -> None:
    path = _file(tmp_path, SECRET.encode())
    env_file = _dotenv(tmp_path, f"AZURE_OPENAI_API_KEY_FILE={path}\n")
    assert load(KEYLESS, env_file=env_file).azure_openai_api_key is not None


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    assert only_problem(KEYLESS | {"AZURE_OPENAI_API_KEY_FILE": str(path)}) == (
        f"AZURE_OPENAI_API_KEY_FILE names {path}, which cannot be read (No such file or "
        "directory): correct the path."
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"  \r\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = _file(tmp_path, content)
    problem = only_problem(KEYLESS | {"AZURE_OPENAI_API_KEY_FILE": path})
    assert problem == (
        f"AZURE_OPENAI_API_KEY_FILE names {path}, which is empty: write the value there."
    )
    assert only_problem(AZURE | {"RELAY_POLICY_FILE": path}) == (
        f"RELAY_POLICY_FILE names {path}, which is empty: write the file, or remove the variable."
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (SECRET.encode() + b"\xff", "is not UTF-8 text"),
        (SECRET.encode() * 100_000, "is larger than 1 MiB"),
        (SECRET.encode() + b"\n" + SECRET.encode(), "holds a space, a line break"),
        (SECRET.encode() + b"\0", "is not UTF-8 text"),
    ],
)
def test_a_file_that_holds_no_key_is_told_without_its_content(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = _file(tmp_path, content)
    problem = only_problem(KEYLESS | {"AZURE_OPENAI_API_KEY_FILE": path})
    assert problem.startswith("AZURE_OPENAI_API_KEY_FILE")
    assert path in problem
    assert told in problem


def test_a_value_and_its_file_contradict_each_other_wherever_they_stand(tmp_path: Path) -> None:
    path = _file(tmp_path, SECRET.encode())
    told = "AZURE_OPENAI_API_KEY and AZURE_OPENAI_API_KEY_FILE are both set: keep one of them."
    assert problems(WITH_KEY | {"AZURE_OPENAI_API_KEY_FILE": path}) == (told,)
    env_file = _dotenv(tmp_path, f"AZURE_OPENAI_API_KEY_FILE={path}\n")
    assert problems(WITH_KEY, env_file=env_file) == (told,)
    assert load(WITH_KEY | {"AZURE_OPENAI_API_KEY_FILE": ""}, env_file=env_file)


# -- where from --------------------------------------------------------------------------------


def test_each_row_says_where_its_value_came_from(tmp_path: Path) -> None:
    env_file = _dotenv(tmp_path, "RELAY_PORT=9000\n")
    environ = AZURE | {"RELAY_SESSION_INSTRUCTIONS_FILE": _file(tmp_path, b"Be kind.")}
    rows = {
        row.name: row.source for row in load(environ, env_file=env_file, demo_page=True).describe()
    }
    assert rows["RELAY_PORT"] == ".env"
    assert rows["AZURE_OPENAI_ENDPOINT"] == "environment"
    assert rows["RELAY_SESSION_INSTRUCTIONS"] == "file"
    assert rows["RELAY_HOST"] == "default"
    assert rows["RELAY_DEMO_PAGE"] == "command"
