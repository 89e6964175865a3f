"""Plugins of kind `batchstatus`."""
