"""CRIC's PanDA queue records, and the queue sections that are made of them."""
