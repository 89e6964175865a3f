"""What was sent, and what may be sent."""
