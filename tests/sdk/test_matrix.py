"""The committed matrix names exactly the clients and cases of the table, at the pinned versions."""

from __future__ import annotations

import json
import re

import pytest

from tests.sdk.clients import CLIENTS, DIALECTS, JUDGED, LICENCES, PROFILES, Client, version
from tests.sdk.environments import LOCKS, NODE
from tests.sdk.matrix import DOCUMENT, document

COLUMNS = [(dialect, profile) for dialect in DIALECTS for profile in PROFILES]


def committed() -> dict[str, str]:
    """The results in the document, by the names of their conversations."""
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    found = {}
    for client in CLIENTS:
        mine = f" | {version(client)} | {client.what} | {client.speaks} | "
        matrix = [row for row in rows if mine + client.credential in row]
        assert len(matrix) == 1, client.name
        cells = matrix[0].strip("| ").split(" | ")[-len(COLUMNS) :]
        for (dialect, profile), cell in zip(COLUMNS, cells, strict=True):
            found[f"{client.name}.{dialect}.{profile}"] = cell
        if client.name in JUDGED:
            (judged,) = [row for row in rows if mine in row and row not in matrix]
            found[f"{client.name}.aimock"] = judged.strip("| ").split(" | ")[-1]
    return found


def test_the_document_is_what_the_tables_make_of_its_results() -> None:
    assert document(committed().__getitem__) == DOCUMENT.read_text()


def test_every_case_was_run_and_has_passed() -> None:
    """A case that no longer passes is mended, or is a row of its own with its reason."""
    assert {name: cell for name, cell in committed().items() if cell != "passes"} == {}


def test_names_of_clients_are_unique() -> None:
    assert len({client.name for client in CLIENTS}) == len(CLIENTS)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_is_pinned_and_its_licence_is_known(client: Client) -> None:
    assert client.package in LICENCES
    if client.where in {"node", "chromium"}:
        assert re.fullmatch(r"\d+\.\d+\.\d+", version(client))
    else:
        lock = LOCKS[client.where].read_text()
        assert re.search(rf"^{re.escape(client.package)}(\[\w+\])?=={version(client)} ", lock, re.M)


def test_locks_hold_hashes_and_no_download_addresses() -> None:
    for name, lock in LOCKS.items():
        text = lock.read_text()
        assert "://" not in text, name
        assert text.count("--hash=sha256:") > text.count("=="), name
    for pinned in json.loads((NODE / "package.json").read_text())["dependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", pinned)
