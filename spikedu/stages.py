"""The stages of `spikedu test`, cheapest first; the first failure ends the run."""

import os
import subprocess
import sys
import time

from spikedu import notebooks
from spikedu.environment import ROOT, chromium

PYTEST = ["pytest", "-q", "-p", "no:cacheprovider"]
STAGES = {
    "ruff": ["ruff", "check", "--no-cache", "."],
    "hygiene": [*PYTEST, "tests/test_hygiene.py"],
    "unit": [
        *PYTEST,
        *["tests", "--ignore=tests/test_hygiene.py"],
        *["-m", "not browser and not wheel", "-n", "2"],
    ],
    "notebooks": [
        *PYTEST,
        *["notebooks", "--nbval-lax", "--nbval-current-env"],
        *["--nbval-sanitize-with", "tests/sanitize.cfg"],
        # By file, or the cells of a notebook are scattered over kernels.
        *["-n", "2", "--dist", "loadfile"],
    ],
    "browser": [*PYTEST, "tests", "-m", "browser"],
    "wheel": [*PYTEST, "tests", "-m", "wheel"],
    "doctor": ["spikedu", "doctor"],
}
NAMES = list(STAGES)


def run(names: list[str]) -> int:
    """Run these stages in order; one line for each, with its seconds, at the end."""
    lines, count = [], {"ok": 0, "FAILED": 0, "skipped": 0}
    for name in NAMES:
        if name not in names:
            continue
        reason, began = _skip(name), time.perf_counter()
        if reason:
            state = "skipped"
        else:
            print(f"== {name}", flush=True)
            state = "FAILED" if _call(STAGES[name]) else "ok"
        count[state] += 1
        seconds = time.perf_counter() - began
        lines.append(f"{name:<12}{seconds:7.1f} s  {state}{reason}")
        if state == "FAILED":
            break
    print("", *lines, sep="\n")
    print("stages: {ok} passed, {FAILED} failed, {skipped} skipped".format(**count))
    return 1 if count["FAILED"] else 0


def _skip(name: str) -> str:
    """Why a stage cannot run here, or ""."""
    if name == "browser" and chromium() is None:
        return ": no Chromium, Chrome or Edge was found"
    if name == "notebooks" and not notebooks.find([]):
        return ": there is no notebook yet"
    return ""


def _call(command: list[str]) -> int:
    # Two workers with a thread pool each would fight over the cores.
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    module = [sys.executable, "-m", *command]
    return subprocess.call(module, cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
