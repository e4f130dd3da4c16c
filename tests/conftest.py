"""What every suite shares: virtual time, and fixtures that start real servers."""

import os
import sys
from pathlib import Path

# All servers are on this machine, and each TLS context would read the authorities of the world anew: 30 ms. In their
# place stands one whose certificate ended long ago, and whose key nobody has.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "fixtures" / "nobodys_authority.pem")
os.environ.pop("SSL_CERT_DIR", None)
sys.path.insert(0, str(Path(__file__).parent))  # importlib mode adds nothing, and plugins are imported by name

pytest_plugins = [
    "fixtures.bulks",
    "fixtures.clock",
    "fixtures.consent_page",
    "fixtures.granting",
    "fixtures.graphql_site",
    "fixtures.lanes",
    "fixtures.migrated",
    "fixtures.mutual_tls",
    "fixtures.postgres",
    "fixtures.registry",
    "fixtures.remote",
    "fixtures.damoov_hub",
    "fixtures.drivequant_hub",
    "fixtures.facts",
    "fixtures.connected_cars_server",  # after what it imports, or that is not rewritten
    "fixtures.drivequant",
    "fixtures.pubsub_site",
    "fixtures.pushes",
    "fixtures.s3",
    "fixtures.site",
    "fixtures.crossroads",
    "fixtures.damoov_platform",  # after what it imports, or that is not rewritten
    "fixtures.access_place",
    "fixtures.rest_site",
    "fixtures.cloud_aws",  # after remote, or that is not rewritten
    "fixtures.cloud_azure",  # the same
    "fixtures.ops_site",  # after what it imports, or that is not rewritten
    "fixtures.azure_hub",  # the same
]


def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: one more than there are cores, for much of what is tested waits for a socket."""
    return (os.cpu_count() or 1) + 1
