"""Fetching: what a provider's notification announces is got from the provider, and appended to the log.

Each provider's notifications are delivered, as a subscription's events are, to a "destination" whose attempt is to get
the dataset and to append it. So order, schedule, cursor, parked letters, circuits and dead letters are delivery's own.
Decision: docs/decisions/0019-fetching-datasets.md.
"""
