"""Cycles, decisions and counts over time: what "why?" is answered from, also for last night."""

from autopyfactory.history.reader import HistoryReader, Stored
from autopyfactory.history.store import HistoryError
from autopyfactory.history.writer import HistoryWriter

__all__ = ["HistoryError", "HistoryReader", "HistoryWriter", "Stored"]
