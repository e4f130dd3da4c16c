"""Routing: reads a shard once, in order, and hands each item to the subscriptions that may have it."""
