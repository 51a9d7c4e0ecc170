"""`python3 -m spikedu ...`, from a bare clone too.

This file and `__init__.py` must parse on any Python 3, so that an old one can say
what is wrong with it instead of pointing at a syntax error.
"""

import sys


def main(argv=None):
    """Run one command and return its exit status; set the clone up where needed."""
    if sys.version_info < (3, 11):
        sys.exit(
            "spikedu: needs Python 3.11 or newer, and this is Python {}.{} ({}). "
            "Run the same command with a newer one, for example python3.12.".format(
                sys.version_info[0], sys.version_info[1], sys.executable
            )
        )
    from spikedu import cli, environment

    argv = sys.argv[1:] if argv is None else list(argv)
    # Before anything is installed, so that --help and a typing mistake answer at once.
    arguments = cli.parse(argv)
    environment.prepare(argv, dev=arguments.command in ("test", "build"))
    try:
        return arguments.action(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("\nspikedu: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
