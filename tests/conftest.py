"""What every suite shares: virtual time, and fixtures that start real servers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode adds nothing, and plugins are imported by name

pytest_plugins = [
    "fixtures.bulks",
    "fixtures.clock",
    "fixtures.granting",
    "fixtures.lanes",
    "fixtures.mutual_tls",
    "fixtures.postgres",
    "fixtures.registry",
    "fixtures.remote",
    "fixtures.damoov_hub",
    "fixtures.drivequant_hub",
    "fixtures.facts",
    "fixtures.connected_cars_server",  # after what it imports, or that is not rewritten
    "fixtures.drivequant",
    "fixtures.pushes",
    "fixtures.s3",
    "fixtures.site",
    "fixtures.crossroads",
    "fixtures.damoov_platform",  # after what it imports, or that is not rewritten
    "fixtures.access_place",
]
