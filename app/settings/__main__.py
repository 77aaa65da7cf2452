"""`python -m app.settings --write`: writes the generated files; `--check` says which are stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.settings.document import COMMAND, outputs

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 where `--check` found a stale file."""
    parser = argparse.ArgumentParser(prog="python -m app.settings", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write .env.example and the docs")
    action.add_argument("--check", action="store_true", help="say which of them are stale")
    wanted = parser.parse_args(arguments)
    stale = [path for path, text in outputs(ROOT).items() if _content(path) != text]
    for path in stale:
        if wanted.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(outputs(ROOT)[path], encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
        else:
            sys.stdout.write(f"{path.relative_to(ROOT)} is stale: run `{COMMAND}`\n")
    return 1 if stale and wanted.check else 0


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
