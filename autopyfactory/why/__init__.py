"""Why does a queue send no pilots? From the record of its cycles, and what is known now, to plain words."""

from autopyfactory.why.explain import explain
from autopyfactory.why.model import Cause, LiveState, Story

__all__ = ["Cause", "LiveState", "Story", "explain"]
