"""`python -m tenxsom`, and what the command `tenxsom` runs."""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
