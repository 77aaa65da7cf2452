"""One environment for each SDK, away from ours: pinned, installed side by side, kept by a stamp.

`python -m tests.sdk.environments` installs what is missing; `--lock` renews the locks from the
`.in` files with the `uv` of `make lock`. Environments stand in `artifacts/sdk/`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOLDER = ROOT / "artifacts" / "sdk"
LOCKS = {path.stem: path for path in sorted((HERE / "requirements").glob("*.txt"))}
NODE = HERE / "node"
INSTALL_SECONDS = 600

LEFT_OUT = {
    "av": "its wheels carry x264 and x265, which are GPL; drivers/no_codecs stands in",
    "flatbuffers": "only for onnxruntime",
    "llvmlite": "large, only for numba",
    "num2words": "only for speech synthesis",
    "numba": "large, only for resampy",
    "onnxruntime": "large, only for turn detection on this side",
    "resampy": "only for audio that is not at 24 kHz",
    "scipy": "large, not needed to talk",
}
"""Packages that these SDKs ask for and that a conversation over a WebSocket does not load."""


def python(name: str) -> str:
    """The interpreter of a Python environment."""
    return str(FOLDER / name / "bin" / "python")


def stamp_of(files: list[Path]) -> str:
    """What an environment was made from."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def make(name: str) -> str:
    """Makes one environment anew unless its stamp says that it is fresh; says what it did."""
    files = [NODE / "package.json"] if name == "node" else [LOCKS[name]]
    folder, wanted = FOLDER / name, stamp_of(files)
    stamp = folder / "stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return f"{name}: is there"
    begun = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (_make_node if name == "node" else _make_python)(folder, files[0])
    stamp.write_text(wanted)
    return f"{name}: installed in {time.monotonic() - begun:.0f} s"


def _make_python(folder: Path, lock: Path) -> None:
    venv.create(folder, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    _run([*pip, *options, "--require-hashes", "-r", str(lock)], folder)


def _make_node(folder: Path, package: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is missing: on Debian, 'apt-get install nodejs npm'.")
    shutil.copy(package, folder)
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    _run([npm, "install", "--loglevel=error", *options], folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        raise SystemExit(f"{folder.name} could not be installed:\n{done.stderr.strip()[-2000:]}")


def lock() -> None:
    """Renews the locks; what is left out is neither locked nor installed."""
    uv = Path(sys.executable).with_name("uv")
    left_out = [word for name in LEFT_OUT for word in ("--no-emit-package", name)]
    options = ["--generate-hashes", "--universal", "--python-version", "3.11", "--no-header", "-q"]
    for source in sorted((HERE / "requirements").glob("*.in")):
        target = source.with_suffix(".txt")
        command = [str(uv), "pip", "compile", *options, *left_out, str(source), "-o", str(target)]
        subprocess.run(command, cwd=ROOT, check=True)
        lines = target.read_text().splitlines(keepends=True)
        target.write_text("".join(line for line in lines if not line.lstrip().startswith("#")))


def main(arguments: list[str]) -> None:
    """Called by `make test-sdk`."""
    if arguments == ["--lock"]:
        lock()
        return
    shutil.rmtree(FOLDER / "results", ignore_errors=True)  # a case that is not run did not pass
    names = ["node", *LOCKS]
    with ThreadPoolExecutor(len(names)) as side_by_side:
        for said in side_by_side.map(make, names):
            sys.stdout.write(f"{said}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
