"""Queue sections from files, folders and URLs: `queueConf` and `queueDirConf`."""

from __future__ import annotations

from autopyfactory.config.fetch import resolve
from autopyfactory.config.loader import RawConfig, load_directory, load_sources, merge
from autopyfactory.options.declare import Options
from autopyfactory.plugins.base import QueueConfigPlugin


class FileOptions(Options):
    """None of its own: the sources are `queueConf` and `queueDirConf` of `[Factory]`."""


class File(QueueConfigPlugin[FileOptions]):
    """Reads the files of `queueConf`, then the `*.conf` of `queueDirConf`; later ones win."""

    name = "File"
    Options = FileOptions

    def load(self) -> RawConfig:
        """Return the merged sections. What cannot be read is an error among the problems."""
        parts = [load_sources(self.factory.queue_conf)]
        if self.factory.queue_dir_conf:
            parts.append(load_directory(resolve(self.factory.queue_dir_conf, None)))
        return merge(parts)
