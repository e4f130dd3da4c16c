"""Erasure: what the hub holds of a subject or a trip is found, removed everywhere, and accounted for."""
