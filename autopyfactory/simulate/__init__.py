"""What-if: the real scheduler chain against one set of counts, or against hours of simulated time."""
