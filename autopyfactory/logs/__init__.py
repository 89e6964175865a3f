"""One log of the factory, one log per queue, and nobody who waits for a disk."""
