"""Plugins of kind `auth`."""
