#!/usr/bin/env python3
"""Make: a start frame, uploaded to the video service, becomes a clip; with UseAPI a Flux still becomes an LTX clip.

    production_video_generator.py [--json] JOB --blueprint FILE

Submits the definition JOB with a blueprint that exists already (claude_video_service.py --json prints one). Every step is
saved before the next, so a run that was cut off anywhere goes on where it stopped. Exit codes: README.md.
"""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom.cli.generate import main
from tenxsom.pipeline.generator import ProductionVideoGenerator

__all__ = ["ProductionVideoGenerator", "main"]

if __name__ == "__main__":
    sys.exit(main())
