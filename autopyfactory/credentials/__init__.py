"""Credentials of pilots: what is there, and how long it holds."""
