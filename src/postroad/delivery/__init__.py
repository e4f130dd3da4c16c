"""Delivery: contracts at work, a subscription at a time."""
