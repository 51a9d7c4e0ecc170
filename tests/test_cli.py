"""The commands, on notebooks made here."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from spikedu import cli, doctor, environment, notebooks, stages

ROOT = Path(__file__).parent.parent


def notebook(*sources: str, tags: tuple[str, ...] = ()):
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in made.cells:
        cell.metadata["tags"] = list(tags)
    return made


def spikedu(*argv: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "spikedu", *argv]
    env = os.environ | environment.for_kernels()
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env)


HIDDEN = {
    "in a cell": "1 / 0",
    "in interact": (
        "from ipywidgets import interact\ninteract(lambda x: 1 / 0, x=(0, 5));"
    ),
    "in an Output": (
        "from ipywidgets import Output\nout = Output()\nwith out:\n    1 / 0\nout"
    ),
    "in a captured callback": (
        "from ipywidgets import Button, Output\nout = Output()\n"
        "button = Button()\n"
        "@button.on_click\n@out.capture()\ndef _(_):\n    1 / 0\n"
        "button.click()"
    ),
    "in a callback": (
        "from ipywidgets import Button\nbutton = Button()\n"
        "button.on_click(lambda _: 1 / 0)\nbutton.click()"
    ),
    "in a thread": (
        "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start()\nthread.join()"
    ),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_an_error_is_seen_wherever_it_hides(where):
    with environment.isolated():
        problems = notebooks.execute(notebook(HIDDEN[where], "print('still alive')"))
    assert len(problems) == 1 and "ZeroDivisionError" in problems[0]


def test_warnings_and_expected_errors_are_no_problems():
    made = notebook("import warnings; warnings.warn('well')", "1 / 0")
    made.cells[1].metadata["tags"] = ["raises-exception"]
    with environment.isolated():
        assert notebooks.execute(made) == []


def test_run_names_each_notebook_fails_for_one_and_writes_nothing(tmp_path):
    nbformat.write(notebook("print(1)", "open('left', 'w')"), tmp_path / "good.ipynb")
    nbformat.write(notebook(HIDDEN["in interact"]), tmp_path / "bad.ipynb")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    good = spikedu("run", str(tmp_path / "good.ipynb"))
    both = spikedu("run", *map(str, before))
    assert good.returncode == 0 and "1 ok, 0 FAILED" in good.stdout
    assert both.returncode == 1 and "1 ok, 1 FAILED" in both.stdout
    lines = both.stdout.splitlines()
    assert any(x.startswith("good ") and x.endswith(" s  ok") for x in lines)
    assert any(x.startswith("bad ") and x.endswith(" s  FAILED") for x in lines)
    assert "ZeroDivisionError" in both.stdout and "\x1b" not in both.stdout
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A clone's folder with one source, built by the tests that need it built."""
    (tmp_path / "src").mkdir()
    cells = ["[markdown]\n# # One", 'tags=["nbval-check-output"]\nprint(6 * 7)']
    source = "".join(f"# %% {cell}\n\n" for cell in [*cells, "\n1 + 1", "\n1 + 1"])
    (tmp_path / "src/00_start_here.py").write_text(source)
    monkeypatch.setattr(notebooks, "folder", lambda: tmp_path)
    return tmp_path


def test_build_keeps_checked_outputs_only_and_is_repeatable(course, capsys):
    with environment.isolated():
        assert notebooks.build([], check=False) == 0
        first = (course / "00_start_here.ipynb").read_bytes()
        assert notebooks.build(["00_start_here"], check=False) == 0
    assert (course / "00_start_here.ipynb").read_bytes() == first
    _, checked, *rest = nbformat.read(course / "00_start_here.ipynb", 4).cells
    assert checked.outputs[0].text == "42\n" and checked.execution_count == 1
    assert all(not cell.outputs and cell.execution_count is None for cell in rest)
    assert len({cell.id for cell in rest}) == 2  # same content, and still two ids
    assert notebooks.build([], check=True) == 0


def test_build_check_says_which_notebook_is_stale(course, capsys):
    assert notebooks.build([], check=True) == 1
    assert "00_start_here: STALE" in capsys.readouterr().out
    made = notebooks.from_source(course / "src/00_start_here.py")
    nbformat.write(made, course / "00_start_here.ipynb")
    assert notebooks.build([], check=True) == 0
    with (course / "src/00_start_here.py").open("a") as source:
        source.write("# %%\n2 + 2\n")
    assert notebooks.build([], check=True) == 1
    (course / "src/00_start_here.py").unlink()
    capsys.readouterr()
    assert notebooks.build([], check=True) == 1
    assert "00_start_here: STALE, it has no source" in capsys.readouterr().out


def test_build_writes_nothing_where_a_cell_fails(course):
    (course / "src/00_start_here.py").write_text("# %%\n1 / 0\n")
    with environment.isolated():
        assert notebooks.build([], check=False) == 1
    assert not (course / "00_start_here.ipynb").exists()


def test_a_wrong_name_is_answered_with_what_exists(course, capsys):
    nbformat.write(notebook(), course / "00_start_here.ipynb")
    for command in ("run", "build"):
        assert cli.parse([command, "nothing"]).action(cli.parse([command, "no"])) == 2
        assert "'no'; there is: 00_start_here" in capsys.readouterr().err
    assert notebooks.find(["00_start_here.ipynb"]) == notebooks.find(["00_start_here"])


def test_copy_never_overwrites(course, tmp_path):
    nbformat.write(notebook(), course / "00_start_here.ipynb")
    nbformat.write(notebook(), course / "01_spike_trains.ipynb")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "00_start_here.ipynb").write_text("my answers")
    assert notebooks.copy_to(mine) == ["01_spike_trains.ipynb"]
    assert (mine / "00_start_here.ipynb").read_text() == "my answers"
    assert notebooks.copy_to(mine) == []


def launched(monkeypatch, *argv: str) -> list[str]:
    """The arguments that `spikedu lab` would start JupyterLab with."""
    from jupyterlab.labapp import LabApp

    seen: list[str] = []
    for name in ("PYTHONPATH", "JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setattr(LabApp, "launch_instance", seen.extend)
    assert cli.lab(cli.parse(["lab", *argv])) == 0
    return seen


def test_lab_listens_on_this_machine_only_and_asks_for_the_token(monkeypatch):
    seen = launched(monkeypatch, "--no-browser", "--port", "9999")
    assert {"--no-browser", "--ServerApp.port=9999"} <= set(seen)
    assert "--ServerApp.ip=127.0.0.1" in seen
    assert not any("token" in argument or "password" in argument for argument in seen)
    assert "--no-browser" not in launched(monkeypatch)


@pytest.mark.parametrize("clone", [True, False])
def test_lab_opens_a_copy(course, tmp_path, monkeypatch, clone):
    """A learner's work must not lie in files that the tests hold to the letter."""
    nbformat.write(notebook(), course / "00_start_here.ipynb")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(environment, "is_clone", lambda: clone)
    if clone:
        monkeypatch.setattr(environment, "ROOT", home)
    else:
        monkeypatch.chdir(home)
    seen = launched(monkeypatch)
    assert (home / "spikedu-course/00_start_here.ipynb").exists()
    assert f"--ServerApp.root_dir={home / 'spikedu-course'}" in seen
    assert [p.name for p in (home / "spikedu-course").iterdir()] == [
        "00_start_here.ipynb"
    ]


def test_a_file_in_the_way_of_the_course_is_named(course, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "is_clone", lambda: False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spikedu-course").write_text("mine")
    with pytest.raises(SystemExit, match="spikedu-course is a file: move it"):
        launched(monkeypatch)
    assert (tmp_path / "spikedu-course").read_text() == "mine"


def test_lab_turns_the_news_off_for_its_own_process(monkeypatch):
    launched(monkeypatch)
    from jupyterlab_server.settings_utils import _get_overrides

    overrides, error = _get_overrides("no-such-folder")
    assert not error
    news = overrides["@jupyterlab/apputils-extension:notification"]
    assert news == {"fetchNews": "false", "checkForUpdates": False}


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "1.5", ""])
def test_a_port_that_is_none_is_refused(port, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.parse(["lab", f"--port={port}"])
    assert stop.value.code == 2
    assert "not a number from 1 to 65535" in capsys.readouterr().err


def test_train_gets_the_rest_of_the_line_as_it_is():
    assert cli.parse(["train", "--help", "-x"]).rest == ["--help", "-x"]


def test_isolated_hides_the_users_folders_and_puts_them_back(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", "mine")
    with environment.isolated():
        folders = [Path(os.environ[name]) for name in environment.FOLDERS]
        assert len({folder.parent for folder in folders}) == 1
        assert os.environ["PYTHONPATH"].startswith(str(ROOT))
    assert os.environ["JUPYTER_CONFIG_DIR"] == "mine"
    assert not folders[0].parent.exists()


@pytest.fixture
def healthy(course):
    nbformat.write(notebook(), course / "00_start_here.ipynb")


def test_doctor_finds_nothing_wrong_here(healthy, capsys):
    assert doctor.report() == 0
    out = capsys.readouterr().out
    assert "Nothing is wrong" in out and "1797 images" in out and "threads" in out


def test_doctor_says_what_is_wrong(healthy, course, monkeypatch, capsys):
    monkeypatch.setattr(environment, "requirements", lambda: ["torch>=99"])
    (course / "00_start_here.ipynb").unlink()

    def broken():
        raise ImportError("no such library")

    monkeypatch.setattr(doctor, "digits", broken)
    assert doctor.report() == 1
    out = capsys.readouterr().out
    for words in (
        "torch>=99 is needed",
        "there is no notebook",
        "digits: ImportError: no such library",
    ):
        assert f"WRONG      {words}" in out or words in out.split("WRONG", 1)[1]


def test_stages_stop_at_the_first_failure(monkeypatch, capsys):
    called = []

    def call(command):
        called.append(command)
        return int("tests/test_hygiene.py" in command)

    monkeypatch.setattr(stages, "_call", call)
    assert stages.run(stages.NAMES) == 1
    assert len(called) == 2
    out = capsys.readouterr().out
    assert out.endswith("stages: 1 passed, 1 failed, 0 skipped\n")


def test_the_browser_stage_says_why_it_is_skipped(monkeypatch, capsys):
    monkeypatch.setattr(stages, "chromium", lambda: None)
    assert stages.run(["browser"]) == 0
    assert "skipped: no Chromium, Chrome or Edge" in capsys.readouterr().out


def test_stages_are_chosen_by_name(monkeypatch, capsys):
    monkeypatch.setattr(stages, "_call", lambda command: 0)
    assert cli.test(argparse.Namespace(only=["ruff"], list=False)) == 0
    assert "stages: 1 passed, 0 failed, 0 skipped" in capsys.readouterr().out
    assert cli.test(argparse.Namespace(only=["rough"], list=False)) == 2
    assert "no stage 'rough'; there is: ruff, hygiene" in capsys.readouterr().err
