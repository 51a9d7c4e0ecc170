"""The course's notebooks: where they are, running them, building them from source."""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from spikedu.environment import ROOT, is_clone

# Compared on every run of the tests, so the only outputs worth committing.
CHECKED = "nbval-check-output"
# The author's machine must not show in the file, nor change it.
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
CELL_SECONDS = 900


def folder() -> Path:
    """The notebooks of this clone, or those inside the installed package."""
    return ROOT / "notebooks" if is_clone() else Path(__file__).parent / "course"


def find(names: list[str]) -> list[Path]:
    """The notebooks so named (a path, a file name or a stem); all when none is named.

    Raises `FileNotFoundError`, with what there is, for a name that is not there.
    """
    course = {path.stem: path for path in sorted(folder().glob("*.ipynb"))}
    if not names:
        return list(course.values())
    found = []
    for name in names:
        path = Path(name)
        if path.suffix == ".ipynb" and path.is_file():
            found.append(path)
        elif path.name in (path.stem, path.stem + ".ipynb") and path.stem in course:
            found.append(course[path.stem])
        else:
            there = ", ".join(course) or f"no notebook in {folder()}"
            raise FileNotFoundError(f"no notebook {name!r}; there is: {there}")
    return found


def copy_to(target: Path) -> list[str]:
    """Copy the course there and name what was copied; what exists is never touched.

    Raises `FileExistsError` where a file stands in the folder's place.
    """
    target.mkdir(exist_ok=True)
    copied = []
    for path in find([]):
        if not os.path.lexists(target / path.name):
            part = target / f".{path.name}.part"  # whole, or not there
            shutil.copyfile(path, part)
            os.replace(part, target / path.name)
            copied.append(path.name)
    return copied


def execute(notebook, on_cell: Callable[..., None] | None = None) -> list[str]:
    """Run every cell in place, in an empty folder; return what went wrong, as text.

    Besides what stops a run: exceptions inside `interact`, `Output`, callbacks and
    threads, which the kernel shows or logs and then passes over.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    problems = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        log = Path(scratch, "kernel.log")
        empty = Path(scratch, "empty")
        empty.mkdir()
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(empty)}},
            record_timing=False,
            coalesce_streams=True,
            on_cell_executed=on_cell,
        )
        try:
            with log.open("w") as stderr:
                client.execute(stderr=stderr)
        except (CellControlSignal, DeadKernelError) as error:
            problems.append(str(error))
        problems += _passed_over(notebook, client.widget_state, bool(problems))
        logged = log.read_text("utf-8", errors="replace")
        if "Traceback (most recent call last)" in logged:
            problems.append("logged by the kernel:\n" + logged)
    return problems


def _passed_over(notebook, widget_state: dict, stopped: bool) -> list[str]:
    """Errors that are shown somewhere although no cell failed."""
    problems = []
    for number, cell in enumerate(notebook.cells):
        expected = "raises-exception" in cell.metadata.get("tags", [])
        if cell.cell_type != "code" or expected:
            continue
        for output in cell.outputs:
            # Where a cell stopped the run, its error is reported already.
            if output.output_type == "error" and not stopped:
                problems.append(f"cell {number} shows:\n" + _traceback(output))
            elif output.get("name") == "stderr" and "Traceback (" in output.text:
                problems.append(f"cell {number} prints:\n" + output.text)
    for state in widget_state.values():
        for output in state.get("outputs") or []:
            if output["output_type"] == "error":
                problems.append("an output widget shows:\n" + _traceback(output))
    return problems


def _traceback(output) -> str:
    lines = output["traceback"] or [f"{output['ename']}: {output['evalue']}"]
    return "\n".join(lines)


def run(names: list[str]) -> int:
    """Run notebooks without touching their files; print how each went."""
    paths = find(names)
    if not paths:
        raise FileNotFoundError(f"no notebook in {folder()}")
    import nbformat
    from tqdm import tqdm

    loaded = [(path, nbformat.read(path, as_version=4)) for path in paths]
    failed = 0
    cells = sum(len(notebook.cells) for _, notebook in loaded)
    with tqdm(total=cells, unit="cell", disable=None, leave=False) as bar:
        for path, notebook in loaded:
            bar.set_description(path.stem)
            done, began = bar.n, time.perf_counter()
            problems = execute(notebook, on_cell=lambda **_: bar.update())
            seconds = time.perf_counter() - began
            failed += bool(problems)
            state = "FAILED" if problems else "ok"
            bar.write(f"{path.stem:<32}{seconds:7.1f} s  {state}")
            for problem in problems:
                bar.write(_plain(problem))
            bar.update(done + len(notebook.cells) - bar.n)  # markdown, and what failed
    print(f"{len(loaded) - failed} ok, {failed} FAILED")
    return 1 if failed else 0


def _plain(text: str) -> str:
    """Without the colours of a terminal, which files and CI logs show as noise."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def sources(names: list[str]) -> list[Path]:
    """The sources `notebooks/src/NN_name.py` so named; all when none is named."""
    there = {path.stem: path for path in sorted(folder().glob("src/*.py"))}
    unknown = [name for name in names if name not in there]
    if unknown:
        known = ", ".join(there) or "none"
        raise FileNotFoundError(f"no source {unknown[0]!r}; there is: {known}")
    return [there[name] for name in names] or list(there.values())


def target(source: Path) -> Path:
    """The notebook that a source is built into."""
    return source.parents[1] / f"{source.stem}.ipynb"


def from_source(source: Path):
    """The notebook that a source describes, not executed; always the same bytes."""
    import jupytext

    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        # By content: an edit changes one id, and moving a cell changes none.
        text = f"{source.stem}\0{cell.cell_type}\0{cell.source}"
        seen[text] = seen.get(text, -1) + 1
        cell.id = hashlib.sha256(f"{text}\0{seen[text]}".encode()).hexdigest()[:12]
    return notebook


def is_stale(source: Path) -> bool:
    """Whether the committed notebook says something else than its source."""
    import nbformat

    if not target(source).is_file():
        return True
    built = nbformat.read(target(source), as_version=4)
    _strip(built.cells)
    return built != from_source(source)


def _strip(cells) -> None:
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def build(names: list[str], check: bool) -> int:
    """Write the notebooks from their sources, or only say which are STALE."""
    import nbformat

    failed = 0
    if not names:
        known = {target(source) for source in sources([])}
        for path in sorted(set(folder().glob("*.ipynb")) - known):
            print(f"{path.stem}: STALE, it has no source in notebooks/src")
            failed += 1
    for source in sources(names):
        if check:
            stale = is_stale(source)
            failed += stale
            if stale:
                print(f"{source.stem}: STALE, run 'spikedu build {source.stem}'")
            continue
        notebook = from_source(source)
        began = time.perf_counter()
        problems = execute(notebook)
        print(f"{source.stem}: {'FAILED' if problems else 'built'}, ", end="")
        print(f"{time.perf_counter() - began:.1f} s", *map(_plain, problems), sep="\n")
        failed += bool(problems)
        if problems:
            continue
        _strip(c for c in notebook.cells if CHECKED not in c.metadata.get("tags", []))
        notebook.metadata.clear()  # the run adds the widgets' state, megabytes of it
        notebook.metadata.update(METADATA)
        # Python writes "\r\n" on Windows where it is not told not to.
        text = nbformat.writes(notebook) + "\n"
        target(source).write_text(text, "utf-8", newline="\n")
    return 1 if failed else 0
