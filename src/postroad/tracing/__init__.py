"""Traces, when the operator wants them: from an accepted request to each attempt to deliver what it said."""
