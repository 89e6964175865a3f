"""Plugins of kind `sched`."""
