"""Cleaning up after pilots that have ended: the submit plugin's part of it, once a cycle."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from autopyfactory.cycle.components import Route
from autopyfactory.cycle.doing import IN_TIME, Doing, PluginError
from autopyfactory.cycle.sender import SUBMIT_DEADLINE
from autopyfactory.plugins.base import SubmitError, SubmitUnknown


class Cleaning:
    """Lets the submit plugin clean up; used by the queue's thread."""

    def __init__(self, routes: Sequence[Route], doing: Doing, log: logging.Logger):
        self._routes = routes
        self._doing = doing
        self._log = log
        self._complaint = ""  # the last one

    def clean_up(self) -> None:
        """Let the submit plugin remove what ended pilots left behind; what goes wrong is told once."""
        try:
            with self._doing.call(self._routes[0].words, IN_TIME):
                for route in self._routes:
                    route.submit.cleanup(SUBMIT_DEADLINE)
        except (PluginError, SubmitError, SubmitUnknown) as err:  # a plugin's: it costs no cycle
            text = str(err) or type(err).__name__
            if text != self._complaint:
                self._log.warning("what ended pilots left behind cannot be removed: %s", text)
            self._complaint = text
        else:
            self._complaint = ""
