"""``python -m postroad``."""

from postroad.cli.main import main

main()
