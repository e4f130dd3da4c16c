"""What the hub writes to its log: one line an occurrence, as text for people or as JSON for programs.

Code logs with the standard ``logging`` and gives values by name: ``_log.info("Started", extra=wide(port=1))``.
Bodies, headers, tokens and answers of destinations are never given: they may hold secrets and personal data.
"""

import json
import logging
import sys
from typing import Any, TextIO

from postroad.clock import from_us
from postroad.errors import ConfigError

FORMATS = ("auto", "text", "json")
QUIET = ("alembic", "uvicorn", "aiohttp", "asyncio", "azure", "botocore", "aiobotocore")
"""Libraries whose lines below a warning say nothing that an operator needs."""
MUTED = ("aiobotocore.credentials",)
"""Loggers whose warnings quote answers about credentials. What came of those an outcome tells."""
_FIELDS = "postroad_fields"


def wide(**fields: Any) -> dict[str, Any]:
    """The ``extra`` of a line with named values, in this order."""
    return {_FIELDS: fields}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, then the line's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)  # ASCII: whatever is in it, the line can be written


class TextFormatter(logging.Formatter):
    """Time, level, logger and message, then the fields as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        fields = "".join(f" {name}={_plain(value)}" for name, value in getattr(record, _FIELDS, {}).items())
        text = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure(log_format: str, stream: TextIO | None = None) -> None:
    """Send everything from INFO on to ``stream`` (standard error). ``auto`` is text on a terminal, else JSON."""
    if log_format not in FORMATS:
        raise ConfigError(f"must be one of {', '.join(FORMATS)}", field="hub.log_format")
    stream = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in QUIET:
        logging.getLogger(library).setLevel(logging.WARNING)
    for logger in MUTED:
        logging.getLogger(logger).setLevel(logging.ERROR)


def _time(record: logging.LogRecord) -> str:
    return from_us(int(record.created * 1e6)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or any(c.isspace() or not c.isprintable() for c in text) else text
