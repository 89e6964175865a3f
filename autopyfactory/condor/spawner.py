"""Starts child processes from one thread that lives as long as the factory.

A child asks the kernel to kill it when its parent dies, and the kernel means the *thread* that created it.
A queue's thread may end long before the child that it happened to need first.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future

Start = Callable[[], "subprocess.Popen[bytes]"]


class Spawner:
    """One thread that creates processes for the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[tuple[Start, Future[subprocess.Popen[bytes]]]] | None = None

    def start(self, start: Start, timeout: float) -> subprocess.Popen[bytes]:
        """What `start` returns or raises; TimeoutError after `timeout` seconds (a late child is killed)."""
        future: Future[subprocess.Popen[bytes]] = Future()
        self._queue().put((start, future))
        try:
            return future.result(timeout)
        except TimeoutError:
            future.add_done_callback(_discard)
            raise

    def _queue(self) -> queue.SimpleQueue[tuple[Start, Future[subprocess.Popen[bytes]]]]:
        with self._lock:
            if self._orders is None:
                self._orders = queue.SimpleQueue()
                threading.Thread(
                    target=_serve, args=(self._orders,), name="condor-spawner", daemon=True
                ).start()
            return self._orders


def _serve(orders: queue.SimpleQueue[tuple[Start, Future[subprocess.Popen[bytes]]]]) -> None:
    while True:
        start, future = orders.get()
        try:
            future.set_result(start())
        except Exception as error:  # noqa: BLE001  belongs to the thread that waits for it
            future.set_exception(error)


def _discard(future: Future[subprocess.Popen[bytes]]) -> None:
    if future.exception() is None:
        future.result().kill()


spawner = Spawner()


def _after_fork() -> None:
    global spawner
    spawner = Spawner()  # the thread stayed behind in the parent


os.register_at_fork(after_in_child=_after_fork)
