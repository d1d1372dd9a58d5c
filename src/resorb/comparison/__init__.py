"""Timepoints of one patient in, a `Change` out: registered, measured against one reference, matched, judged."""
