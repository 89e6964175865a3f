"""Free TCP ports on the loopback interface that stay ours while a service restarts."""

import random
import socket
from pathlib import Path


def free_port() -> int:
    """A port that nothing listens on, below the range from which the kernel takes ports for connections.

    So nobody gets it by accident while our service is down for a restart.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(max(1024, lowest - 12000), lowest)) if lowest > 3000 else list(range(1024, 65536))
    for port in random.SystemRandom().sample(candidates, min(500, len(candidates))):
        with socket.socket() as trial:
            # Without SO_REUSEADDR a port in TIME_WAIT counts as taken, which is what we want here.
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port on 127.0.0.1")
