"""The other day of `bin/otherday`, for what is started with an environment of its own."""

import os

# What has to be in that environment: a program without it lives today, while the test and its files do not.
SAME_DAY = {name: os.environ[name] for name in ("LD_PRELOAD", "OTHERDAY") if "OTHERDAY" in os.environ}
