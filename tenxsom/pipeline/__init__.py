"""A job's way: from a definition to a blueprint, clips, paid calls, and a finished video with its report."""
