"""Polling other systems on behalf of all queues: one poll serves them all."""
