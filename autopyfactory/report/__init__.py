"""What people are shown about queues and pilots: rows built from records and from schedds."""
