"""Queue sections from files, folders and URLs: `queueConf` and `queueDirConf`."""

from __future__ import annotations

from autopyfactory.config import fetch
from autopyfactory.config.loader import RawConfig, load_directory, load_sources, merge, over_defaults
from autopyfactory.model.redact import shown
from autopyfactory.options.declare import Options
from autopyfactory.options.problem import Problem, Where
from autopyfactory.plugins.base import QueueConfigPlugin

_DEFAULTS = "queueConf.defaultsfile"


class FileOptions(Options):
    """None of its own: the sources are `queueConf` and `queueDirConf` of `[Factory]`."""


class File(QueueConfigPlugin[FileOptions]):
    """Reads the files of `queueConf`, then the `*.conf` of `queueDirConf`; later ones win."""

    name = "File"
    Options = FileOptions

    def load(self) -> RawConfig:
        """Return the merged sections. What cannot be read is an error among the problems."""
        parts = [self._part(source) for source in self.factory.queue_conf]
        if self.factory.queue_dir_conf:
            parts.append(load_directory(fetch.resolve(self.factory.queue_dir_conf, None)))
        return merge(parts)

    def _part(self, source: str) -> RawConfig:
        """Return the sections of one source; under those of a URL lie the defaults that this host gives."""
        part = load_sources([source])
        if not fetch.is_url(source) or not self.factory.queue_defaults:
            return part
        path = fetch.resolve(self.factory.queue_defaults, None)
        if fetch.is_url(path):
            problem = Problem(
                "error", "must be a file on this host", Where(shown(path)), "Factory", _DEFAULTS
            )
            return RawConfig(
                part.sections, (*part.problems, problem), dict.fromkeys(part.sections, (problem,))
            )
        return over_defaults(part, path)
