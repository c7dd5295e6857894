"""The commands. Without the packages that every one of them needs, one sentence says so in place of a traceback."""

import sys
from importlib.util import find_spec

_NEEDED = ("dotenv", "pydantic", "requests", "tenacity")

if _missing := [name for name in _NEEDED if find_spec(name) is None]:
    print(
        f"This Python ({sys.executable or 'python3'}) lacks packages of TenxSOM AI ({', '.join(_missing)}). Call the script with"
        " .venv/bin/python, which `make demo` makes, or install them: python3 -m pip install -r requirements.txt",
        file=sys.stderr,
    )
    sys.exit(2)
