"""Plugins of kind `monitor`."""
