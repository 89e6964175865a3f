"""Configuration: files become sections (with file and line), sections become typed options."""
