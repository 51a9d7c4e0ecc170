"""From a bare clone to a running command, without installing anything for real."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spikedu import __main__, environment

ROOT = Path(__file__).parent.parent


def bare(code_or_module: list[str], **kwargs) -> subprocess.CompletedProcess:
    """Run an interpreter without site-packages, as on a new machine."""
    command = [sys.executable, "-S", *code_or_module]
    return subprocess.run(command, capture_output=True, text=True, **kwargs)


def test_the_way_to_the_packages_needs_the_standard_library_only():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import spikedu.__main__, spikedu.environment, spikedu.cli\n"
        "roots = {name.partition('.')[0] for name in sys.modules}\n"
        "print(roots - set(sys.stdlib_module_names) - {'spikedu', '__main__'})"
    )
    # Isolated, with site-packages at hand: an import of a package would be seen.
    for options in (["-I", "-S"], ["-I"]):
        done = subprocess.run(
            [sys.executable, *options, "-c", code], capture_output=True, text=True
        )
        loaded = ast.literal_eval(done.stdout.replace("set()", "()"))
        # What .pth files of the environment load at start is not ours.
        assert not set(loaded) & {"torch", "numpy", "tqdm", "nbclient", "jupytext"}
        assert done.returncode == 0 and (options == ["-I"] or not loaded), done


def test_import_spikedu_is_light_and_its_modules_come_when_asked_for():
    code = (
        "import sys, spikedu\n"
        "assert not {'torch', 'numpy', 'IPython', 'snntorch'} & set(sys.modules)\n"
        "assert spikedu.cli.parse(['doctor']).command == 'doctor'\n"
        "try: spikedu.nonsense\n"
        "except AttributeError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "spikedu has no module 'nonsense'\n", done.stderr


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_old_pythons_can_read_what_tells_them_that_they_are_old(name):
    source = (ROOT / "spikedu" / name).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 4))
    assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree))
    assert "annotations" not in source  # from __future__, unknown to 3.6


def test_an_old_python_is_told_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    with pytest.raises(SystemExit) as stop:
        __main__.main(["lab"])
    assert "needs Python 3.11 or newer, and this is Python 3.10" in stop.value.code
    assert "\n" not in stop.value.code


@pytest.mark.parametrize(
    ("argv", "status"), [(["--help"], 0), (["no-such-command"], 2), (["lab", "--x"], 2)]
)
def test_help_and_mistakes_answer_before_anything_is_installed(argv, status, tmp_path):
    shutil.copytree(ROOT / "spikedu", tmp_path / "spikedu")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    done = bare(["-m", "spikedu", *argv], cwd=tmp_path)
    assert done.returncode == status
    assert "usage: spikedu" in done.stdout + done.stderr
    assert not (tmp_path / ".venv").exists()


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "prepare", lambda argv, dev: None)
    monkeypatch.setattr("spikedu.cli.doctor", interrupted)
    assert __main__.main(["doctor"]) == 130
    assert capsys.readouterr().err == "\nspikedu: interrupted\n"


class Machine:
    """A clone in an empty folder, on which commands are noted instead of run."""

    def __init__(self, folder: Path, monkeypatch):
        self.venv = folder / ".venv"
        self.calls: list[str] = []
        self.pip_status = 0
        (folder / "pyproject.toml").write_text("[project]\n")
        (folder / "constraints.txt").write_text("torch==2.13.0\n")
        for name, value in [
            ("ROOT", folder),
            ("VENV", self.venv),
            ("STAMP", self.venv / "spikedu.stamp"),
            ("_call", self.call),
            ("missing", lambda lines: self.lacks),
            ("requirements", lambda dev: []),
        ]:
            monkeypatch.setattr(environment, name, value)
        monkeypatch.setattr(os, "execv", lambda path, argv: self.calls.append("rerun"))
        monkeypatch.setattr(environment.shutil, "which", lambda name: None)
        self.lacks = ["torch>=2.6,<3 is not installed"]

    def call(self, command: list) -> int:
        words = [str(part) for part in command]
        if words[1:3] == ["-m", "venv"]:
            self.calls.append("venv")
            self.make_python()
        elif "install" in words:
            self.calls.append("pip")
            return self.pip_status
        return 0

    def make_python(self):
        environment.venv_python().parent.mkdir(parents=True, exist_ok=True)
        environment.venv_python().touch()

    def prepare(self) -> list[str]:
        self.calls.clear()
        environment.prepare(["lab"], dev=False)
        return self.calls


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


posix = pytest.mark.skipif(os.name == "nt", reason="the fake stands in for exec")


@posix
def test_the_first_call_sets_up_and_the_second_is_instant(machine):
    assert machine.prepare() == ["venv", "pip", "rerun"]
    assert machine.prepare() == ["rerun"]


@posix
def test_inside_its_own_venv_a_command_runs_at_once(machine, monkeypatch):
    machine.prepare()
    monkeypatch.setattr(sys, "prefix", str(machine.venv))
    assert machine.prepare() == []
    (environment.ROOT / "constraints.txt").write_text("torch==2.14.0\n")
    assert machine.prepare() == ["pip", "rerun"]


@posix
def test_new_constraints_are_installed_into_the_same_venv(machine):
    machine.prepare()
    (environment.ROOT / "constraints.txt").write_text("torch==2.14.0\n")
    assert machine.prepare() == ["pip", "rerun"]
    assert machine.prepare() == ["rerun"]


def test_no_venv_where_everything_is_installed(machine):
    machine.lacks = []
    assert machine.prepare() == []
    assert not machine.venv.exists()


@posix
def test_what_a_failed_set_up_left_is_made_anew(machine, capsys):
    machine.pip_status = 1
    with pytest.raises(SystemExit, match="no network"):
        machine.prepare()
    (machine.venv / "half-a-package").touch()
    machine.pip_status = 0
    assert machine.prepare() == ["venv", "pip", "rerun"]
    assert not (machine.venv / "half-a-package").exists()


@posix
def test_an_interrupted_update_is_made_anew(machine, monkeypatch):
    machine.prepare()
    (environment.ROOT / "constraints.txt").write_text("torch==2.14.0\n")

    def interrupted(command):
        if "install" in command:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(environment, "_call", interrupted)
    with pytest.raises(SystemExit, match="interrupted"):
        machine.prepare()
    monkeypatch.setattr(environment, "_call", machine.call)
    assert machine.prepare() == ["venv", "pip", "rerun"]


@posix
def test_a_venv_that_somebody_else_made_is_filled_but_never_emptied(machine):
    machine.make_python()
    mine = machine.venv / "mine"
    mine.touch()
    machine.pip_status = 1
    for _ in range(2):
        with pytest.raises(SystemExit):
            machine.prepare()
    machine.pip_status = 0
    assert machine.prepare() == ["pip", "rerun"]
    (environment.ROOT / "constraints.txt").write_text("torch==2.14.0\n")
    assert machine.prepare() == ["pip", "rerun"]
    assert mine.exists()


def test_a_venv_of_unknown_origin_without_a_python_stops_the_set_up(machine):
    machine.venv.mkdir()
    with pytest.raises(SystemExit, match="please remove it"):
        machine.prepare()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_venv_module_is_named(machine, monkeypatch, module):
    find = environment.importlib.util.find_spec
    monkeypatch.setattr(
        environment.importlib.util,
        "find_spec",
        lambda name: None if name == module else find(name),
    )
    with pytest.raises(SystemExit, match=f"no '{module}' module.*python3-venv"):
        machine.prepare()
    assert not machine.venv.exists()


def test_uv_is_used_only_where_pip_has_no_settings(machine, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda name: "/bin/" + name)
    answer = subprocess.CompletedProcess([], 0, stdout=b"")
    monkeypatch.setattr(environment.subprocess, "run", lambda *a, **k: answer)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    assert environment._installer()[0] == "uv"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert environment._installer()[1:3] == ["-m", "pip"]
    monkeypatch.delenv("PIP_NO_INDEX")
    answer.stdout = b"global.timeout='60'\n"
    assert environment._installer()[1:3] == ["-m", "pip"]


def test_versions_are_compared_as_numbers(monkeypatch):
    for found, line, meets in [
        ("2.13.0+cpu", "torch>=2.6,<3", True),
        ("2.5.1", "torch>=2.6,<3", False),
        ("3.0", "torch>=2.6,<3", False),
        ("2.6", "torch>=2.6.0", True),
        ("2.6.0rc1", "torch>=2.6,<3", True),
        ("1", "torch", True),
        ("2.10", "torch<3,>=2.6", True),
    ]:
        monkeypatch.setattr(environment.metadata, "version", lambda name, v=found: v)
        assert (environment.missing([line]) == []) is meets, (found, line)


def test_requirements_of_a_clone_and_of_a_wheel_are_the_same(monkeypatch):
    cloned = environment.requirements(), environment.requirements(dev=True)
    lines = [*cloned[0], *(f'{x}; extra == "dev"' for x in cloned[1][len(cloned[0]) :])]
    monkeypatch.setattr(environment, "is_clone", lambda: False)
    monkeypatch.setattr(environment.metadata, "requires", lambda name: lines)
    assert (environment.requirements(), environment.requirements(dev=True)) == cloned
