"""Copies of a data folder: making them while a hub runs, going on from one, and changing a folder's format."""
