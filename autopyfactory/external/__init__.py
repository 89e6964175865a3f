"""Doors to the outside: HTTP, programs, JSON from others; all within limits."""
