"""The shell around the factory: options, privileges, pid file, detaching, signals, systemd, the end."""
