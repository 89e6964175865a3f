"""One cycle of one queue, top to bottom."""
