"""A tick over an empty queue against `python3 -c "import requests"`: whole processes, taking turns. Limit: 0.25."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, alternate, environment, median, ratios, seconds_of, verdict

ROUNDS = 21


def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "pending_video_jobs").mkdir()

        def run(*arguments: str) -> float:
            command, variables = [sys.executable, *arguments], environment(TENXSOM_HOME=home)
            return seconds_of(lambda: subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL))

        ours, theirs = alternate(ROUNDS, lambda: run(str(ROOT / "poll_video_status.py")), lambda: run("-c", "import requests"))
    return verdict("A tick over an empty queue", [("of `import requests`", median(ratios(ours, theirs)), "≤", 0.25)])


if __name__ == "__main__":
    sys.exit(main())
