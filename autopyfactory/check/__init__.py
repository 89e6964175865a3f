"""What `check` knows beyond single options."""
