"""What comes from queues and topics: the way from a message to the log, and who keeps the receivers running."""
