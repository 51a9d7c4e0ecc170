"""`python -m spikedu.train`, which is also what torchrun starts."""

import sys

from spikedu.cli import parse

if __name__ == "__main__":
    arguments = parse(["train", *sys.argv[1:]])
    raise SystemExit(arguments.action(arguments))
