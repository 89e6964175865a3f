"""Plugins of kind `batchsubmit`."""
