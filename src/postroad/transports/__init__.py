"""Transports: how bytes reach a destination. They know nothing of telematics."""
