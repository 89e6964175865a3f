"""The demo: a small grid, users' jobs, and the factory that brings them together."""
