"""The sound of a film: reading, ducking and mixing, loudness, the generated bed, and music that is fitted to a length."""
