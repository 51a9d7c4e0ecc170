"""What must not be committed, and what every notebook file must be."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from spikedu import notebooks

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
SOURCES = sorted(ROOT.glob("notebooks/src/*.py"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def committed() -> list[Path]:
    """What git holds or would add; everything, where this is no git checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        hidden = (".venv", ".pytest_cache", ".ruff_cache", "__pycache__", "dist")
        found = [f for f in ROOT.rglob("*") if not set(hidden) & set(f.parts)]
    else:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in found if file.is_file()]


FILES = committed()


def text(file: Path) -> str:
    """The file as text, "" for a binary one."""
    data = file.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


# Written in pieces, so that this file does not contain what it forbids.
FORBIDDEN = {
    "the address of a package registry": "|".join(
        re.escape(host)
        for host in (
            "pypi" + ".org",
            "python" + "hosted.org",
            "npm" + "js.org",
            "npm" + "js.com",
            "download.py" + "torch.org",
            "conda" + ".anaconda.org",
            "deb" + ".debian.org",
        )
    ),
    "a path of one machine": (
        r"(?<![\w.~/])/(?:wo" + r"rk|o" + r"pt|ro" + r"ot|ho" + r"me|Us" + r"ers)/\w"
        r"|[A-Z]:\\Us" + r"ers"
    ),
}


def forbidden(content: str) -> list[str]:
    return [
        f"{what}: {match.group()!r}"
        for what, pattern in FORBIDDEN.items()
        for match in [re.search(pattern, content)]
        if match
    ]


def test_no_file_names_a_registry_or_a_path_of_one_machine():
    bad = {str(f.relative_to(ROOT)): forbidden(text(f)) for f in FILES}
    assert not {name: found for name, found in bad.items() if found}


def test_the_search_finds_what_it_looks_for():
    for bad in ("at /wo" + "rk/x", '"/ho' + 'me/me"', "C:\\Us" + "ers\\me"):
        assert forbidden(bad), bad
    assert forbidden("https://files.python" + "hosted.org/x")
    for good in ("a/home/b", "./work/x", "/usr/bin/chromium", "~/work/x", "homework/"):
        assert not forbidden(good), good


def test_no_file_is_above_three_megabytes():
    assert not [f for f in FILES if f.stat().st_size > 3_000_000]


def pickled(file: Path) -> bool:
    """Whether loading this file could run code: a pickle, alone or inside a zip."""
    if file.suffix in (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"):
        return True
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    start = member.read(512)
                # An .npy of objects holds a pickle; so does a member of a .pt file.
                if name.endswith(".pkl") or b"'descr': '|O'" in start:
                    return True
    with file.open("rb") as stream:
        return re.match(rb"\x80[\x02-\x05]", stream.read(2)) is not None


def test_no_file_is_a_pickle():
    assert not [f for f in FILES if pickled(f)]


def test_pickles_are_recognised(tmp_path):
    import pickle

    import numpy

    numpy.savez(tmp_path / "plain.npz", a=numpy.arange(3))
    numpy.savez(tmp_path / "objects.npz", a=numpy.array([{}], dtype=object))
    (tmp_path / "disguised.bin").write_bytes(pickle.dumps({}))
    found = {f.name: pickled(f) for f in tmp_path.iterdir()}
    assert found == {"plain.npz": False, "objects.npz": True, "disguised.bin": True}


def test_the_top_level_holds_what_the_design_names():
    top = {f.relative_to(ROOT).parts[0] for f in FILES}
    assert top <= set(
        "README.md LICENSE LICENSES.md CHANGELOG.md CITATION.cff environment.yml "
        "pyproject.toml constraints.txt Makefile notebooks spikedu tests benchmarks "
        "docs .github .ci "
        ".gitignore .gitattributes jupytext.toml".split()
    )


# ------------------------------------------------------------------ notebooks
def test_each_notebook_is_in_step_with_its_source(capsys):
    assert notebooks.build([], check=True) == 0, capsys.readouterr().out


@each
def test_only_checked_cells_carry_outputs_and_at_least_one_does(path):
    compared = 0
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        if notebooks.CHECKED in cell["metadata"].get("tags", []):
            # nbval compares no cell that has no count.
            assert cell["execution_count"] and cell["outputs"], cell["source"]
            compared += 1
        else:
            assert not cell["outputs"], cell["source"]
            assert cell["execution_count"] is None, cell["source"]
    assert compared


def unfolded(cells: list[dict]) -> list[str]:
    """Stored answers in view: the first output after a `predict` in its section."""
    bad, waits = [], False
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and source.startswith("## "):
            waits = False
        if waits and cell.get("outputs"):
            if not cell["metadata"].get("jupyter", {}).get("outputs_hidden"):
                bad.append(source)
            waits = False
        waits = waits or "predict" in cell["metadata"].get("tags", [])
    return bad


@each
def test_the_answer_to_a_prediction_is_folded(path):
    assert not unfolded(json.loads(path.read_text("utf-8"))["cells"])


@each
def test_the_search_for_answers_in_view_finds_each(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert any(cell["metadata"].pop("jupyter", {}) for cell in cells)
    assert unfolded(cells)


@each
def test_no_widget_state_and_no_widget_view_is_stored(path):
    stored = json.loads(path.read_text("utf-8"))
    assert stored["metadata"] == notebooks.METADATA
    assert "application/vnd.jupyter.widget" not in json.dumps(stored)


@each
def test_cell_ids_follow_from_the_content(path):
    ids = [cell["id"] for cell in json.loads(path.read_text("utf-8"))["cells"]]
    source = path.parent / "src" / f"{path.stem}.py"
    assert ids == [cell.id for cell in notebooks.from_source(source).cells]
    assert len(set(ids)) == len(ids)


def test_no_file_of_the_notebooks_is_above_200_kilobytes():
    for file in FILES:
        if "notebooks" in file.relative_to(ROOT).parts[:1]:
            assert file.stat().st_size <= 200_000, file
