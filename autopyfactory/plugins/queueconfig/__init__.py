"""Plugins of kind `queueconfig`."""
