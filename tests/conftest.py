"""What every suite shares: real servers, and a registry to fill."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode adds nothing, and plugins are imported by name

pytest_plugins = ["fixtures.postgres", "fixtures.registry"]
