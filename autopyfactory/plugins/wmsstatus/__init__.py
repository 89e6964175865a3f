"""Plugins of kind `wmsstatus`."""
