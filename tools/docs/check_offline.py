"""Fail when a built page would fetch something from another host: ``python tools/docs/check_offline.py site``."""

import re
import sys
from pathlib import Path

FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon|modulepreload))[^>]*\bhref=[\"']?(?:https?:)?//[^\"'\s>]+"
)
STYLED = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])(?:https?:)?//[^)\"'\s]+")


def fetched(site: Path) -> list[str]:
    """What pages and style sheets would fetch from elsewhere, with where it stands."""
    found = []
    for pattern, suffix in ((FETCHED, ".html"), (STYLED, ".html"), (STYLED, ".css")):
        for path in sorted(site.rglob(f"*{suffix}")):
            found += [f"{path}: {hit}" for hit in pattern.findall(path.read_text(encoding="utf-8"))]
    return found


def main() -> None:
    """Look through the folder named on the command line."""
    site = Path(sys.argv[1])
    if not (site / "index.html").is_file():
        sys.exit(f"{site} holds no built site")
    if found := fetched(site):
        sys.exit("fetched from elsewhere:\n" + "\n".join(found))


if __name__ == "__main__":
    main()
