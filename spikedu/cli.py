"""The commands. Nothing heavy is imported until a command needs it."""

import argparse
import os
import sys
from pathlib import Path

from spikedu import environment, notebooks

FIRST = "00_start_here.ipynb"
COPY = "spikedu-course"


def parse(argv: list[str]) -> argparse.Namespace:
    """The command and its arguments; exits with 2 and the usage for a wrong one."""
    parser = argparse.ArgumentParser(
        prog="spikedu", description="From one spiking neuron to a trained Spikformer."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser("lab", help="open the course in JupyterLab")
    one.add_argument("--no-browser", action="store_true", help="only print the address")
    one.add_argument("--port", type=_port, default=8888, help="default: %(default)s")
    one.set_defaults(action=lab)

    one = commands.add_parser("run", help="run notebooks headless; changes no file")
    one.add_argument("notebook", nargs="*", help="names or paths; default: all")
    one.set_defaults(action=run)

    one = commands.add_parser("test", help="pass all tests, cheapest first")
    one.add_argument(
        "--only",
        action="append",
        metavar="STAGE",
        help="run this stage alone; may be repeated (see --list)",
    )
    one.add_argument("--list", action="store_true", help="name the stages")
    one.set_defaults(action=test)

    one = commands.add_parser("doctor", help="say what is installed and what is wrong")
    one.set_defaults(action=doctor)

    one = commands.add_parser("train", help="train a Spikformer", add_help=False)
    one.set_defaults(action=train)

    one = commands.add_parser("build", help="for authors: notebooks from notebooks/src")
    one.add_argument("notebook", nargs="*", help="names, such as 00_start_here")
    one.add_argument("--check", action="store_true", help="only say which are STALE")
    one.set_defaults(action=build)

    if argv[:1] == ["train"]:  # train.py has its own options
        arguments = parser.parse_args(argv[:1])
        arguments.rest = argv[1:]
        return arguments
    return parser.parse_args(argv)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 65535")
    return int(text)


def lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the first notebook."""
    # Also of a clone: JupyterLab saves what a learner writes, and the tests hold the
    # notebooks of the repository to the letter.
    root = (environment.ROOT if environment.is_clone() else Path.cwd()) / COPY
    try:
        copied = notebooks.copy_to(root)
    except FileExistsError:
        sys.exit(f"spikedu: {root} is a file: move it, the course is copied there.")
    print(f"{root}: {len(copied)} notebooks copied, what was there is unchanged")
    os.environ.update(environment.for_kernels())
    # The same defaults that a wheel installs under share/jupyter, which a `-e` install
    # does not lay out; the reader's own settings still go before them.
    defaults = [str(Path(__file__).parent)]
    defaults += filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(defaults)

    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(
        [
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={arguments.port}",
            f"--ServerApp.root_dir={root}",
            f"--LabApp.default_url=/lab/tree/{FIRST}",
            # In a container the only user is root; Jupyter would refuse to start.
            "--ServerApp.allow_root=True",
            *(["--no-browser"] if arguments.no_browser else []),
        ]
    )
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Run notebooks, see `notebooks.run`."""
    with environment.isolated():
        return _or_say(notebooks.run, arguments.notebook)


def build(arguments: argparse.Namespace) -> int:
    """Build notebooks, see `notebooks.build`."""
    if not environment.is_clone():
        sys.exit("spikedu: build needs a clone of the project: a wheel has no sources.")
    with environment.isolated():
        return _or_say(notebooks.build, arguments.notebook, arguments.check)


def _or_say(action, *arguments) -> int:
    try:
        return action(*arguments)
    except FileNotFoundError as error:
        print(f"spikedu: {error}", file=sys.stderr)
        return 2


def test(arguments: argparse.Namespace) -> int:
    """Run the stages of the tests, see `stages`."""
    from spikedu import stages

    if arguments.list:
        print(*stages.NAMES, sep="\n")
        return 0
    for name in arguments.only or []:
        if name not in stages.NAMES:
            there = ", ".join(stages.NAMES)
            print(f"spikedu: no stage {name!r}; there is: {there}", file=sys.stderr)
            return 2
    if not environment.is_clone():
        sys.exit("spikedu: test needs a clone of the project: a wheel has no tests.")
    with environment.isolated():
        return stages.run(arguments.only or stages.NAMES)


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is installed and what is wrong, see `doctor`."""
    from spikedu.doctor import report

    return report()


def train(arguments: argparse.Namespace) -> int:
    """Hand the rest of the command line to `spikedu.train`."""
    from spikedu.train import main

    return main(arguments.rest, draw=_curves)


def _curves(history, path: Path) -> None:
    from spikedu.figures import static, views

    view = views.LearningCurveView.of(**vars(history))
    path.write_bytes(static.learning_curve(view).image())
