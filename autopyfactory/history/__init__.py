"""Cycles, decisions and counts over time: what "why?" is answered from, also for last night."""
