"""The local socket through which commands talk to the running factory.

One request per line, one answer per line, both JSON: `{"command": "pause", "arguments": {"queue": "Q1"}}` and
`{"ok": true, "result": ...}` or `{"ok": false, "error": "..."}`. Who may open the socket file may command.
"""
