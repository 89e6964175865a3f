"""What runs on the worker node (shell), and what composes it into one file (Python)."""
