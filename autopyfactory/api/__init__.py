"""What a factory answers, once for socket, commands and pages."""
