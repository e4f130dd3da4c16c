"""Ingest: authenticate, decode, resolve subjects, append, and only then answer."""
