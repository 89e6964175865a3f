"""Pages, JSON and metrics for people who look after a factory; a process of its own.

Answers come from `api/`, through the control socket or from the history. No request ever waits for a schedd.
"""
