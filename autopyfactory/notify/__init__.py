"""What reports to others and never blocks: monitors, mail, pings."""
