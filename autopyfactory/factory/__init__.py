"""Builds, starts, reloads and stops queues, and what queues share."""
