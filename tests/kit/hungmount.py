"""A file system that has stopped answering: what reads it waits, and cannot be killed. Needs root.

A FUSE server that greets the kernel, takes its questions, and answers none. Once a question is taken, whoever
asked it is in state D until the server ends, as with a hung CVMFS client.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

INIT = 26
MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


class HungMount:
    """The mount at `place`, from entering to leaving the context."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.asked = 0  # questions that were taken
        self._device = -1

    def __enter__(self) -> Self:
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if _libc.mount(b"hung", os.fsencode(self.place), b"fuse", 0, options.encode()):
            code = ctypes.get_errno()
            os.close(self._device)
            raise OSError(code, f"mount: {os.strerror(code)}")
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def _serve(self) -> None:
        """Answer the greeting, and nothing else. Never waits in a read: that would keep the device open."""
        while self._wake[0] not in select.select([self._device, self._wake[0]], [], [])[0]:
            question = os.read(self._device, 1 << 17)
            _, code, number = struct.unpack_from("<IIQ", question)
            if code == INIT:
                answer = struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 12, 9, 65536, 1, 1, 0, 0)
                os.write(self._device, struct.pack("<IiQ", 16 + len(answer), 0, number) + answer)
            else:
                self.asked += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _libc.umount2(os.fsencode(self.place), MNT_DETACH)
        os.write(self._wake[1], b"x")
        self._thread.join()
        for descriptor in (self._device, *self._wake):  # all who wait get an error with the first
            os.close(descriptor)
