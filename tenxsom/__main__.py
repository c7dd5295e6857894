"""`python -m tenxsom`, and what the command `tenxsom` runs."""

import os
import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom import empty_tick


def main() -> int:
    """Run a command; return its exit code."""
    if sys.argv[1:2] == ["collect"] and empty_tick.ran_empty_tick(sys.argv[2:], _default_home()):
        return 0
    from tenxsom import loading

    loading.end_on_ctrl_c()
    from tenxsom.cli import commands

    return commands.main()


def _default_home() -> str:
    """Return the home that `tenxsom.program` returns: an installed program has its templates in the package."""
    package = os.path.dirname(os.path.abspath(__file__))
    is_installed = os.path.isdir(os.path.join(package, "templates"))
    return os.path.expanduser("~/tenxsom-ai") if is_installed else os.path.dirname(package)


if __name__ == "__main__":
    sys.exit(main())
