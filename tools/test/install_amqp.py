"""Install the AMQP of the test servers into this Python's environment: ``python tools/test/install_amqp.py``.

``python-qpid-proton`` comes as source only. Building it takes a C compiler and the headers of OpenSSL and Python; where
they are missing and we are root on Debian or its like, they are installed. Where it cannot be built all the same, that
is said in one line, and the tests of Service Bus and Event Hubs skip, or fail if ``CI`` is set. Ends with 0 either way.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LOCKED = Path(__file__).parents[2] / "requirements" / "amqp.txt"
PACKAGE = "python-qpid-proton"
TO_BUILD_IT = ("gcc", "libc6-dev", "libssl-dev", "python3-dev", "pkg-config")


def is_there() -> bool:
    """Whether what is locked is installed."""
    try:
        return f"{PACKAGE}=={version(PACKAGE)} " in LOCKED.read_text(encoding="utf-8")
    except PackageNotFoundError:
        return False


def installed() -> bool:
    """Build and install it; false if that fails."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return succeeds([*pip, "--require-hashes", "-r", str(LOCKED)])


def compiler_installed() -> bool:
    """Install what building takes; false where we may not, or do not know how."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    return succeeds(["apt-get", "update", "-q"]) and succeeds(
        ["apt-get", "install", "-q", "-y", "--no-install-recommends", *TO_BUILD_IT],
        DEBIAN_FRONTEND="noninteractive",
    )


def succeeds(command: list[str], **environment: str) -> bool:
    """Run it in silence."""
    done = subprocess.run(command, check=False, capture_output=True, env={**os.environ, **environment})  # noqa: S603 - all of it is ours
    return done.returncode == 0


def main() -> None:
    """Install it if it is not there."""
    if is_there() or installed() or (compiler_installed() and installed()):
        return
    missing = "gcc, pkg-config and the headers of OpenSSL and Python"
    print(f"{PACKAGE} cannot be built here, which takes {missing}: tests of Service Bus and Event Hubs skip")  # noqa: T201 - a tool


if __name__ == "__main__":
    main()
