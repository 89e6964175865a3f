"""A grid on one machine: real services from Debian's archive, for tests and for the demo.

Nothing here is needed to run the factory.  Everything listens on 127.0.0.1 only, runs as an ordinary user
(root drops to ``nobody`` by itself), and leaves no process behind, also when its owner is killed.

* `folder`   Debian packages as a folder that any user can run programs from
* `condor`   HTCondor: such a folder, or what the host has installed
* `keeper`   runs one service and ends all it ever started
* `pool`     one HTCondor pool
* `grid`     several pools that make a grid: access point, computing elements, users' pool
* `issuer`   makes the tokens that open computing elements
* `factory`  the configuration of a factory on such a grid

From the command line: ``python misc/testbed up | down | status | env NAME | factory DIR``.
"""

from testbed.errors import TestbedError, Unavailable

__all__ = ["TestbedError", "Unavailable"]
