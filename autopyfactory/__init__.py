"""AutoPyFactory: keeps the right number of pilot jobs queued at every computing element."""

__version__ = "3.0.0.dev0"
