"""What is installed for these tests is free of the GPL, as each package says of itself."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.sdk.clients import LESSER
from tests.sdk.environments import FOLDER, LEFT_OUT, LOCKS, python

READ = """
import importlib.metadata, json
found = {}
for one in importlib.metadata.distributions():
    meta = one.metadata
    said = [meta.get("License-Expression") or (meta.get("License") or "")[:200]]
    said += [c for c in meta.get_all("Classifier") or [] if c.startswith("License")]
    found[meta["Name"]] = " ".join(said)
print(json.dumps(found))
"""


def gpl(licence: str) -> bool:
    """Whether it is the GPL or the AGPL, and not the LGPL."""
    lesser = re.sub(r"LGPL[\w.-]*|Lesser General Public License[^)]*\)?", "", licence)
    return bool(re.search(r"\bA?GPL|General Public", lesser))


@pytest.mark.parametrize("name", LOCKS)
def test_no_python_package_is_under_the_gpl(name: str) -> None:
    done = subprocess.run([python(name), "-c", READ], capture_output=True, text=True, check=True)
    licences: dict[str, str] = json.loads(done.stdout)
    assert len(licences) > 10
    assert {one: said for one, said in licences.items() if gpl(said)} == {}
    assert set(licences) & set(LEFT_OUT) == set()
    lesser = {one for one, said in licences.items() if re.search("LGPL|Lesser General", said)}
    assert lesser == {one for one, (where, _) in LESSER.items() if where == name}


def test_no_package_for_node_is_under_the_gpl() -> None:
    manifests = [*(FOLDER / "node" / "node_modules").glob("**/package.json")]
    said = {}
    for path in manifests:
        manifest = json.loads(path.read_text())
        if manifest.get("name") and manifest.get("version"):
            said[manifest["name"]] = str(manifest.get("license", "not said"))
    assert said["openai"] == "Apache-2.0"
    assert {name: licence for name, licence in said.items() if gpl(licence)} == {}
    assert "not said" not in said.values()
