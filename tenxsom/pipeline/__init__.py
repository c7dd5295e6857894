"""The belt itself: from a blueprint to clips, from clips to paid calls, from answers to a finished video and its report."""
