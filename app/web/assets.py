"""The demo page's files, read once at the start.

Requests look a path up in a table, so there is no path that could lead out of the folder, and no
disk to wait for on the event loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

INDEX = "index.html"

MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wav": "audio/wav",
}
"""What is served. Spelt out, because the system's table differs from machine to machine and a
browser refuses a module or worklet that has any other type. Other files are left out."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it goes out. `etag` changes with its content."""

    content: bytes = field(repr=False)
    media_type: str
    etag: str


def load_assets(folder: Path) -> dict[str, Asset]:
    """Every servable file below `folder`, by its URL path; the index page stands at `/` too.

    Hidden files and symbolic links are left out. Raises `ValueError`, with the fix in words, where
    there is no index page.
    """
    assets: dict[str, Asset] = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        media_type = MEDIA_TYPES.get(file.suffix)
        if hidden or media_type is None or file.is_symlink() or not file.is_file():
            continue
        content = file.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        assets[f"/{name.as_posix()}"] = Asset(content, media_type, etag)
    if f"/{INDEX}" not in assets:
        raise ValueError(
            f"The demo page has no {INDEX} in {folder}. Install the package again, "
            "or switch the page off with RELAY_DEMO_PAGE=false."
        )
    assets["/"] = assets[f"/{INDEX}"]
    return assets
