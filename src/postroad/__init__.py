"""Postroad: a self-hosted telematics push hub.

It takes vehicle events in as each vendor's customer or platform would, keeps them durably, and sends them on as each
vendor itself would. The map of the code is ``docs/architecture.md``.
"""

__version__ = "0.1.0"
