"""Vehicles that drive real speed logs, the provider that injects them, a customer that checks, and a counter.

Nothing here uses the hub's own code for protocols, log or delivery: what measures the hub must not share its mistakes.
"""
