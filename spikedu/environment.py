"""Where the packages come from: this interpreter, or a `.venv` made in the clone.

Standard library only: it runs before anything is installed.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
# One line: who made the folder ("made" here, or "found") and what is installed in it.
STAMP = VENV / "spikedu.stamp"
FOLDERS = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)


def is_clone() -> bool:
    """Whether this package lies in a clone, not in an installed wheel."""
    return (ROOT / "pyproject.toml").is_file() and (ROOT / "constraints.txt").is_file()


def requirements(dev: bool = False) -> list[str]:
    """The direct requirements, as pyproject.toml or the installed wheel names them."""
    if is_clone():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        extra = project["optional-dependencies"]["dev"] if dev else []
        return project["dependencies"] + extra
    lines = metadata.requires("spikedu") or []
    plain = [line.partition(";") for line in lines]
    return [name.strip() for name, _, marker in plain if dev or "extra" not in marker]


def missing(lines: list[str]) -> list[str]:
    """One sentence for each requirement that this interpreter does not meet."""
    problems = []
    for line in lines:
        name = re.match(r"[\w.-]+", line).group()
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            problems.append(f"{line} is not installed")
            continue
        for sign, bound in re.findall(r"(>=|<)\s*([\d.]+)", line):
            if (_release(found) >= _release(bound)) != (sign == ">="):
                problems.append(f"{line} is needed, {found} is installed")
    return problems


def _release(version: str) -> tuple[int, ...]:
    numbers = [int(n) for n in re.match(r"[\d.]*\d", version).group().split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))


def fingerprint() -> str:
    """What `.venv` is built from, as a hash: when it changes, `.venv` is renewed."""
    files = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    parts = [str(ROOT).encode(), *(f.read_bytes() for f in files)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def read_stamp() -> tuple[str, str]:
    """Who made `.venv` and the fingerprint of what is in it, "" where unknown."""
    try:
        words = STAMP.read_text("utf-8").split()
    except OSError:
        words = []
    return tuple((words + ["", ""])[:2])


def venv_python() -> Path:
    """The interpreter inside `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(argv: list[str], dev: bool) -> None:
    """Return where the packages are here; else run the command again in `.venv`."""
    if not is_clone():
        return
    inside = VENV.exists() and os.path.samefile(sys.prefix, VENV)
    maker, installed = read_stamp()
    ready = installed == fingerprint()
    if inside and ready:
        return
    ours = inside and maker
    if not ours and not missing(requirements(dev)):
        return
    if not ready:
        install(maker)
    command = [str(venv_python()), "-m", "spikedu", *argv]
    sys.stdout.flush()
    if os.name == "nt":  # where exec gives the prompt back while the command runs
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def install(maker: str) -> None:
    """Fill `.venv`, making it where there is none that works."""
    print(
        f"spikedu: setting up {VENV} (once: a minute or two and 1.8 GB; "
        "several GB where PyTorch comes with CUDA)",
        flush=True,
    )
    try:
        # What an interrupted set-up left may be half a package: begin again there,
        # but never empty a folder that somebody else made.
        if maker == "made-unfinished" or not _has_pip():
            if not maker and VENV.exists():
                sys.exit(f"spikedu: {VENV} has no Python that works; please remove it.")
            _make_venv()
            maker = "made-unfinished"
        elif maker == "made":
            STAMP.write_text("made-unfinished\n", "utf-8")
        what = ["-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}[dev]"]
        status = _call([*_installer(), *what])
    except KeyboardInterrupt:
        sys.exit("\nspikedu: interrupted; the same command begins the set-up again.")
    if status:
        sys.exit(
            "spikedu: the packages could not be installed (the reason stands above; "
            "most often there is no network). The same command tries again."
        )
    who = "made" if maker.startswith("made") else "found"
    STAMP.write_text(f"{who} {fingerprint()}\n", "utf-8")


def _make_venv() -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            sys.exit(
                f"spikedu: this Python ({sys.executable}) has no '{module}' module; "
                "on Debian and Ubuntu 'sudo apt install python3-venv' brings it."
            )
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    STAMP.write_text("made-unfinished\n", "utf-8")
    # From inside a broken `.venv`, the interpreter that it was made from.
    python = getattr(sys, "_base_executable", sys.executable)
    if _call([python, "-m", "venv", VENV]):
        sys.exit(f"spikedu: 'python -m venv {VENV}' failed; the reason stands above.")


def _has_pip() -> bool:
    """Whether `.venv` has a Python that starts, with pip or able to unpack its own."""
    python = venv_python()
    tries = (["-m", "pip", "--version"], ["-m", "ensurepip"])
    return python.exists() and any(_call([python, *end]) == 0 for end in tries)


def _installer() -> list[str]:
    """uv where it is at hand, unless pip has settings: uv would not read them."""
    python = str(venv_python())
    pip = [python, "-m", "pip"]
    if shutil.which("uv") and not any(name.startswith("PIP_") for name in os.environ):
        listed = subprocess.run([*pip, "config", "list"], capture_output=True)
        if listed.returncode == 0 and not listed.stdout.strip():
            return ["uv", "pip", "install", "--python", python]
    return [*pip, "install", "--disable-pip-version-check", "--no-input"]


def _call(command: list) -> int:
    return subprocess.call([str(part) for part in command], stdin=subprocess.DEVNULL)


def cache() -> Path:
    """The user's own folder for what can be fetched or made again."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or home / "AppData/Local"
    elif sys.platform == "darwin":
        base = home / "Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(base) / "spikedu"


def for_kernels() -> dict[str, str]:
    """Variables under which a kernel, started anywhere, imports this very package."""
    paths = [str(ROOT)] if is_clone() else []
    paths += filter(None, [os.environ.get("PYTHONPATH")])
    return {
        "PYTHONPATH": os.pathsep.join(paths),
        # Not a kernel that another environment left in the user's own folder.
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Inside, nothing reads or writes the user's own Jupyter and IPython folders."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.update(for_kernels())
        for name in FOLDERS:
            os.environ[name] = os.path.join(folder, name.lower())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def chromium() -> str | None:
    """The browser for the browser tests, or None."""
    names = ["chromium", "chromium-browser", "google-chrome", "chrome", "msedge"]
    places = [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ]
    found = [shutil.which(name) for name in names]
    return next((path for path in found + places if path and Path(path).exists()), None)
