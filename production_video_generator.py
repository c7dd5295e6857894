#!/usr/bin/env python3
"""Make: a start frame, uploaded to the video service, becomes a clip; with UseAPI a Flux still becomes an LTX clip.

    production_video_generator.py [--json] JOB --blueprint FILE
    production_video_generator.py [--json] --reassemble ID [--captions VALUE] [--caption-style VALUE] [--brand VALUE]
                                  [--music VALUE] [--title VALUE] [--thumbnail-title VALUE] [--aspect-ratio VALUE]
                                  [--transition VALUE] [--clip-sound VALUE]

Submits the definition JOB with a blueprint that exists already (claude_video_service.py --json prints one). Every step is
saved before the next, so a run that was cut off anywhere goes on where it stopped. --reassemble makes the film of a finished job
again from its kept clips and voice, free of charge: with other words, music, brand or title, or in another shape. Exit codes:
docs/reference/commands.md.
"""

import sys

import tenxsom.bytecode  # noqa: F401  (first: it mends the imports that follow)
from tenxsom import loading

if __name__ == "__main__":
    loading.end_on_ctrl_c()

from tenxsom.cli.generate import main
from tenxsom.pipeline.generator import ProductionVideoGenerator

__all__ = ["ProductionVideoGenerator", "main"]

if __name__ == "__main__":
    sys.exit(main())
