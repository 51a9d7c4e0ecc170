"""The house: who may import whom, and how long a file may be."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "spikedu"

# Bottom up: a module imports only from strictly lower floors. A name is a module or a
# folder of modules; the second part is what it may import besides the standard library.
FLOORS = [
    {"__init__": "", "arguments": "torch", "environment": ""},
    {"functional": "torch jaxtyping snntorch"},
    {"fused": "torch jaxtyping triton"},
    {"spikformer": "torch jaxtyping"},
    {
        "released": "torch",
        "inference": "torch",
        "data": "torch numpy sklearn PIL tqdm",
        "checkpoints": "torch safetensors",
    },
    {"augment": "torch numpy"},
    {
        "train": "torch tqdm",
        "energy": "torch",
        "record": "torch snntorch numpy",
    },
    {
        "figures.arrays": "numpy",
        "figures.words": "",
        "figures.style": "numpy",
        "figures.frames": "numpy",
    },
    {"figures.views": "numpy"},
    {
        "figures.static": "numpy matplotlib PIL",
        "figures.interactive": "numpy plotly",
        "figures": "",
        "figures.canvas": "numpy",
        "scenes": "numpy torch snntorch",
    },
    {"widgets": "numpy ipywidgets anywidget traitlets IPython rjsmin"},
    {
        "equations": "IPython torch",
        "checks": "IPython torch numpy",
        "exercises": "torch numpy",
        "lesson": "IPython torch snntorch numpy",
        "notebooks": "nbclient nbformat jupytext tqdm",
    },
    {"doctor": "torch sklearn", "stages": ""},
    {"cli": "jupyterlab"},
    {"__main__": "", "train.__main__": ""},
]
LINES = {"functional": 200, "spikformer": 250}
MODULES = sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def home(module: str) -> tuple[int, str] | None:
    """Floor and entry of a module, by its longest name in the table."""
    while module:
        for floor, entries in enumerate(FLOORS):
            if module in entries:
                return floor, module
        module = module.rpartition(".")[0]
    return None


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(tree: ast.Module, module: str, is_folder: bool) -> set[str]:
    """Full names of what a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = ["spikedu", *module.split(".")]
                keep = len(parts) - node.level + is_folder
                base = ".".join([*parts[:keep], *filter(None, [base])])
            inside = base.split(".")[0] == "spikedu"
            for alias in node.names:
                full = f"{base}.{alias.name}"
                deeper = inside and is_module(full.partition(".")[2])
                names.add(full if deeper else base)
    return names


def breaches(path: Path, source: str) -> list[str]:
    """What the file imports from a floor that is not below its own."""
    module = dotted(path)
    floor, entry = home(module)
    allowed = set(FLOORS[floor][entry].split()) | set(sys.stdlib_module_names)
    bad = []
    for name in imported(ast.parse(source), module, path.name == "__init__.py"):
        root, _, rest = name.partition(".")
        if root != "spikedu":
            if root not in allowed:
                bad.append(f"{module} imports {root}, which enters on another floor")
        elif rest:
            there = home(rest)
            # Modules of one folder may build on each other.
            same_folder = there and there[1] == entry and "." in module + rest
            if not there or (there[0] >= floor and not same_folder):
                bad.append(f"{module} imports {rest}, which is not below it")
    return bad


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_from_lower_floors(path):
    assert home(dotted(path)), f"give {dotted(path)} a floor in FLOORS"
    assert not breaches(path, path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("functional", "from spikedu import train"),
        ("functional", "from .spikformer import LIF"),
        ("functional", "import numpy"),
        ("functional", "def f():\n    import spikedu.cli"),
        ("figures/static", "import torch"),
        ("figures/static", "from . import interactive"),
        ("figures/static", "from ..widgets import spikes"),
        ("scenes/neuron", "import ipywidgets"),
        ("widgets/spikes", "import torch"),
        ("environment", "import tqdm"),
        ("released", "from spikedu import data"),
    ],
)
def test_the_walk_sees_a_breach(module, source):
    assert len(breaches(PACKAGE / f"{module}.py", source)) == 1


def test_the_walk_allows_what_is_right():
    for module, source in [
        ("functional", "import math\nimport torch\nfrom spikedu import arguments"),
        ("figures/static", "from . import views\nfrom .style import COLOUR"),
        ("widgets/spikes", "from ..scenes import neuron\nfrom .shell import Shell"),
        ("cli", "from spikedu import __version__"),
    ]:
        assert breaches(PACKAGE / f"{module}.py", source) == [], module


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_file_is_short_enough_to_be_read(path):
    lines = len(path.read_text("utf-8").splitlines())
    limit = LINES.get(dotted(path), 300)
    assert lines <= limit, f"{lines} lines, at most {limit}: a long one wants a folder"


@pytest.mark.parametrize("name", LINES)
def test_classes_and_forwards_of_the_network_are_short(name):
    tree = ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        length = getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1
        if isinstance(node, ast.ClassDef):
            assert length <= 25, f"class {node.name}: {length} lines"
        elif isinstance(node, ast.FunctionDef) and node.name == "forward":
            assert length <= 12, f"a forward at line {node.lineno}: {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_public_docstring_has_at_most_eight_lines(path):
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            said = ast.get_docstring(node) or ""
            assert len(said.splitlines()) <= 8, node.name
