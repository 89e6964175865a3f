"""Stands in for the child process: speaks its protocol, but does what the request itself says."""

import os
import signal
import sys
import time
from typing import Any

from autopyfactory.condor.frames import Assembler, pack
from autopyfactory.condor.worker import IDLE, requests


def reply(**message: Any) -> None:
    data = pack({"rss": 1000} | message)
    while data:
        data = data[os.write(1, data) :]


def act(operation: str, arguments: list[Any]) -> None:
    match operation:
        case "pid":
            reply(result=os.getpid())
        case "environ":
            reply(result=os.environ.get(arguments[0]))
        case "echo" | "submit":
            reply(result=arguments)
        case "sleep":
            time.sleep(arguments[0])
            reply(result="slept")
        case "count":  # appends a line to a file, sleeps, replies
            with open(arguments[0], "a") as file:
                file.write("once\n")
            time.sleep(arguments[1])
            reply(result=None)
        case "hold":  # replies once a file is there
            while not os.path.exists(arguments[0]):
                time.sleep(0.02)
            reply(result="late")
        case "error":
            print(arguments[2], file=sys.stderr, flush=True)
            time.sleep(arguments[3])
            reply(error=arguments[:2])
        case "die":
            print("last words", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "query" | "act" if not os.path.exists(arguments[0]):  # dies at the first of these requests
            open(arguments[0], "w").close()
            os._exit(9)
        case "query" | "act":
            reply(result="second chance")
        case "leave":
            os._exit(arguments[0])
        case "half":  # half of a reply, then silence
            os.write(1, pack({"result": "x" * 1000})[:500])
            time.sleep(600)
        case "garbage":
            os.write(1, b"Traceback (most recent call last)")
            time.sleep(600)
        case "not json":
            os.write(1, (3).to_bytes(8, "big") + b"nil")
            time.sleep(600)
        case "chatter":
            for _ in range(arguments[0]):
                os.write(2, b"x" * 99 + b"\n")
            reply(result="done")
        case "die late" | "fat late":
            while not os.path.exists(arguments[0]):
                time.sleep(0.02)
            act(operation.partition(" ")[0], [])
        case "fat":
            reply(result=os.getpid(), rss=1 << 30)


if sys.argv[1:] == ["deaf"]:  # never reads a request
    time.sleep(600)
if sys.argv[1:2] == ["tired"] and not os.path.exists(sys.argv[2]):  # leaves at first, as if it had been idle
    open(sys.argv[2], "w").close()
    sys.exit(IDLE)
assert Assembler  # the real one is what `requests` uses
for request in requests(lambda: None):
    act(request["operation"], request["arguments"])
