"""pyproject.toml, constraints.txt and environment.yml tell one story."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DIRECT = [
    Requirement(line)
    for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))


@pytest.mark.parametrize("direct", DIRECT, ids=lambda d: d.name)
def test_every_direct_requirement_is_pinned_inside_its_range(direct):
    pins = [Requirement(line) for line in CONSTRAINTS]
    mine = [p for p in pins if p.name == canonicalize_name(direct.name)]
    assert mine, f"{direct.name} is not in constraints.txt: run 'make constraints'"
    for pin in mine:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert direct.specifier.contains(exact.version), f"{pin} against {direct}"


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", ["3.11.0", "3.13.0"])
def test_each_platform_gets_every_direct_requirement_once(platform, python):
    values = {"sys_platform": platform, "python_full_version": python}
    values["os_name"] = "nt" if platform == "win32" else "posix"
    pins = [Requirement(line) for line in CONSTRAINTS]
    pinned = [p.name for p in pins if p.marker is None or p.marker.evaluate(values)]
    for direct in DIRECT:
        assert pinned.count(canonicalize_name(direct.name)) == 1, direct.name


def test_constraints_hold_pins_only():
    for line in CONSTRAINTS:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [\w .<>=!'()]+)?", line), line


def test_torch_is_the_version_that_installs_quickly_on_linux():
    assert any(
        line in ("torch==2.13.0", "torch==2.13.0 ; sys_platform == 'linux'")
        for line in CONSTRAINTS
    )


def conda_requirements() -> dict[str, str]:
    """Name to range in environment.yml, with pyproject's names."""
    *conda, pip = ENVIRONMENT["dependencies"]
    lines = [line for line in conda if line != "pip"]
    lines += [line for line in pip["pip"] if not line.startswith("-e")]
    ranges = {}
    for line in lines:
        requirement = Requirement(re.sub(r"^pytorch\b(?!-)", "torch", line))
        ranges[canonicalize_name(requirement.name)] = str(requirement.specifier)
    return ranges


def test_environment_yml_has_the_names_and_ranges_of_pyproject():
    wanted = {canonicalize_name(d.name): str(d.specifier) for d in DIRECT}
    wanted["python"] = PROJECT["requires-python"]
    assert conda_requirements() == wanted


def test_environment_yml_needs_conda_forge_only_and_installs_the_clone():
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert "-e ." in ENVIRONMENT["dependencies"][-1]["pip"]


def test_the_version_is_said_once():
    init = (ROOT / "spikedu/__init__.py").read_text("utf-8")
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert f'__version__ = "{PROJECT["version"]}"' in init
    assert cff["version"] == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
