"""The wheel, installed into another environment and used from an empty folder."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.wheel
UNSET = ("PYTHONPATH", "PYTHONHOME", "SPIKEDU_DATA")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run([*command, "-d", str(folder)], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def spikedu(wheel, tmp_path_factory):
    """Run the installed `spikedu`; its packages are those of this environment."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    bin_ = folder / ("Scripts" if os.name == "nt" else "bin")
    install = [bin_ / "python", "-m", "pip", "install", "--no-index", "--no-deps"]
    subprocess.run([*install, wheel], check=True, stdin=subprocess.DEVNULL)
    # An environment's own packages come before those that a .pth file adds, so the
    # wheel wins over a clone that is installed with -e over there.
    paths = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    scheme = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    (site / "packages.pth").write_text("\n".join(paths))
    clean = {k: v for k, v in os.environ.items() if k not in UNSET}

    def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess:
        command = [bin_ / "spikedu", *argv]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=cwd, env=clean
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run.python, run.env = bin_ / "python", clean
    return run


def test_the_wheel_carries_the_course_and_nothing_of_the_workshop(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    course = {f"spikedu/course/{p.name}" for p in ROOT.glob("notebooks/*.ipynb")}
    assert course and course <= names
    assert not [n for n in names if n.startswith(("tests", "notebooks", "benchmarks"))]
    assert not [n for n in names if "/src/" in n or ".ipynb_checkpoints" in n]
    carried = "fused/neuron.cpp data/fashion_mini_test.png weights/digits.safetensors"
    assert {f"spikedu/{name}" for name in carried.split()} <= names
    overrides = "share/jupyter/lab/settings/overrides.d/spikedu.json"
    assert [n for n in names if n.endswith(f".data/data/{overrides}")]


def test_the_package_comes_from_the_wheel(spikedu, tmp_path):
    code = "import spikedu; print(spikedu.__file__)"
    command = [spikedu.python, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=spikedu.env
    )
    assert str(ROOT) not in done.stdout and "site-packages" in done.stdout


def test_doctor_finds_nothing_wrong(spikedu, tmp_path):
    out = spikedu("doctor", cwd=tmp_path).stdout
    assert "installed in" in out and "Nothing is wrong" in out
    assert list(tmp_path.iterdir()) == []


def test_run_executes_the_first_notebook_and_leaves_nothing(spikedu, tmp_path):
    assert "1 ok, 0 FAILED" in spikedu("run", "00_start_here", cwd=tmp_path).stdout
    assert list(tmp_path.iterdir()) == []


def test_lab_copies_the_course_once_and_serves_it(spikedu, tmp_path):
    (tmp_path / "spikedu-course").mkdir()
    mine = tmp_path / "spikedu-course/00_start_here.ipynb"
    mine.write_text("my answers")
    # LabApp is replaced by an echo: the real one is in test_lab.py.
    code = (
        "import jupyterlab.labapp as app, sys, spikedu.__main__ as m\n"
        "app.LabApp.launch_instance = lambda argv: print(*argv)\n"
        "sys.exit(m.main(['lab']))"
    )
    command = [spikedu.python, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=spikedu.env
    )
    assert f"--ServerApp.root_dir={tmp_path / 'spikedu-course'}" in done.stdout
    assert mine.read_text() == "my answers"
    copied = {path.name for path in (tmp_path / "spikedu-course").iterdir()}
    assert copied == {path.name for path in ROOT.glob("notebooks/*.ipynb")}
