"""Access: the one place that says whether an event may be sent."""
