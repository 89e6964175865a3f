"""The name that a queue has on disk: of its folder in the log tree, and of its own log."""

from __future__ import annotations

import hashlib
import re

LONGEST = 200  # bytes, an extension not counted: file systems allow 255


def queue_folder(queue: str) -> str:
    """Return `queue` as the name of a folder: as 2.4 wrote it, and safe whatever the queue is called.

    `/` and `:` become `_`, as do control characters; a leading dot too, so that nothing is hidden or leaves
    the tree. What is too long for a file system ends in a mark instead. Two queues can come to the same
    name: the configuration refuses the second one.
    """
    name = re.sub(r"^\.|^$", "_", re.sub(r"[/:\x00-\x1f\x7f]", "_", queue))
    raw = name.encode(errors="surrogateescape")
    if len(raw) <= LONGEST:
        return name
    mark = hashlib.sha256(queue.encode(errors="surrogateescape")).hexdigest()[:12]
    return f"{raw[: LONGEST - 13].decode(errors='ignore')}-{mark}"
