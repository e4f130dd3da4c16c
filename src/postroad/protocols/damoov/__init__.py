"""Damoov notifications."""

from postroad.protocols.damoov.contract import CONTRACT

__all__ = ["CONTRACT"]
