"""The hub's own HTTP pages."""
