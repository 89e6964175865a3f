"""Plugins: one small file each, found by entry points under the names that users write."""
