"""What the pages declare in YAML can be applied: whole files as they stand, pieces of one in what surrounds them."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from textwrap import indent

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from postroad.registry.apply import apply_file
from postroad.registry.secrets import KeyRing
from postroad.registry.store import RegistryStore
from postroad.service import catalogue

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in (*(ROOT / "docs").rglob("*.md"), ROOT / "README.md")
    if "```yaml" in page.read_text(encoding="utf-8")
)
AZURE = "Endpoint=sb://customer.servicebus.windows.net/;SharedAccessKeyName=hub;SharedAccessKey=s3cret"
SECRETS = {"SERVICE_BUS": AZURE, "EVENT_HUBS": AZURE, "WEBHOOK_SECRET": "of-16-or-more-characters"}
"""What environment variables hold of which a transport asks for a form; others hold anything."""
Blocks = Callable[[str, str], list[str]]

ORGANIZATION = "organizations:\n  - name: Example\n"
INTEGRATION = ORGANIZATION + "    integrations:\n      - name: customer\n"
DESTINATION = """\
        destinations:
          - {name: webhook, transport: https, config: {url: "https://customer.example/events"}}
"""


def declarations(page_blocks: list[str]) -> list[str]:
    """Whole files, made of a page's blocks. One that begins indented goes on where the last whole piece ended."""
    found: list[str] = []
    last = ""
    for block in page_blocks:
        if block.startswith("- alert:"):  # rules for Prometheus
            continue
        if block.startswith("organizations:"):
            last = block
        elif block.startswith(("integrations:", "vehicles:", "providers:")):
            last = ORGANIZATION + indent(block, " " * 4)
        elif block.startswith("destinations:"):
            last = INTEGRATION + indent(block, " " * 8)
        elif block.startswith("subscriptions:"):
            last = INTEGRATION + DESTINATION + indent(block, " " * 8)
        else:
            assert block.startswith(" "), f"nobody knows where this belongs: {block}"
            found.append(last + indent(block, " " * 8))
            continue
        found.append(last)
    return found


@pytest.fixture(scope="session")
def private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("page", PAGES)
def test_every_declaration_on_a_page_can_be_applied(
    page: str, blocks: Blocks, private_key: bytes, tmp_path: Path
) -> None:
    for number, text in enumerate(declarations(blocks(page, "yaml"))):
        for name in re.findall(r"\{file: ([^}]+)\}", text):
            (tmp_path / name).write_bytes(private_key)
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        with closing(RegistryStore.open(f"sqlite:///{tmp_path / f'{number}.db'}")) as registry:
            changes = apply_file(
                registry,
                file,
                catalogue=catalogue(),
                keys=KeyRing.load_or_create(tmp_path / "key"),
                environment=dict.fromkeys(re.findall(r"\{env: (\w+)\}", text), "s3cret") | SECRETS,
                shard=0,
                dry_run=True,
                prune=False,
            )
        assert changes


def test_a_block_that_belongs_nowhere_is_noticed() -> None:
    with pytest.raises(AssertionError, match="nobody knows"):
        declarations(["surprise: true\n"])
