"""What is installed, what was found, and what is wrong, in words."""

import platform
from importlib import metadata

from spikedu import __version__, environment, notebooks

SHOWN = ("torch", "snntorch", "numpy", "jupyterlab", "ipywidgets", "plotly")


def report() -> int:
    """Print it all; 1 where the course cannot run, else 0."""
    where = "a clone" if environment.is_clone() else "installed"
    print(f"spikedu    {__version__}, {where} in {environment.ROOT}")
    print(f"python     {platform.python_version()} on {platform.platform(terse=True)}")
    print("packages  ", ", ".join(f"{name} {_version(name)}" for name in SHOWN))
    wrong = environment.missing(environment.requirements())
    for label, look in (("device", device), ("digits", digits)):
        try:
            print(f"{label:<11}{look()}")
        except Exception as error:  # whatever is broken there: say it, look further
            print(f"{label:<11}cannot be told")
            wrong.append(f"{label}: {type(error).__name__}: {error}")
    found = notebooks.find([])
    print(f"notebooks  {len(found)} in {notebooks.folder()}")
    if not found:
        wrong.append(f"there is no notebook in {notebooks.folder()}")
    print(f"browser    {environment.chromium() or 'none, wanted only by the tests'}")
    for problem in wrong:
        print(f"WRONG      {problem}")
    if not wrong:
        print("Nothing is wrong: 'spikedu lab' opens the course.")
    return 1 if wrong else 0


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def device() -> str:
    """What `spikedu train` computes on here."""
    import torch

    from spikedu.fused import compiled

    threads = f"{torch.get_num_threads()} CPU threads, {compiled.state()}"
    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name()}; {threads}"
    return f"cpu; {threads}"


def digits() -> str:
    """The data set that every lesson can fall back on."""
    from sklearn.datasets import load_digits

    return f"{len(load_digits().images)} images, inside scikit-learn"
