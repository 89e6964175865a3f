"""Reference policies for comparison: how other systems decide, as rules of our chain."""
