"""``postroad service-account``: machines that sign in to the hub's API with a key pair of their own."""

from pathlib import Path
from urllib.parse import urlsplit

import click

from postroad.access.service_keys import SIGN_IN_PATH, issuer, key_id, new_key_pair, read_public_key
from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import console, json_option, messages, print_json, print_table, when
from postroad.cli.role import owner_fields, owner_text, role_options, wanted
from postroad.errors import ConfigError


@click.group("service-account", short_help="Create, list and revoke service accounts.")
def group() -> None:
    """Create, list and revoke service accounts: machines that sign in to the hub's API with a key of their own."""


@group.command("create")
@click.option("--provider", help="For this provider (a name, or organization/name).")
@role_options
@click.option("--url", required=True, help="The hub's URL, as the account's holder reaches it.")
@click.option(
    "--public-key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PEM file of the holder's RSA public key, 2048 to 4096 bits; without it, a pair is made.",
)
@click.option("--label", default="", help="What it is for, to tell several accounts apart.")
@folder_option
@json_option
def create(
    provider: str | None,
    integration: str | None,
    operator: bool,
    auditor: str | None,
    fleet_owner: str | None,
    url: str,
    key_file: Path | None,
    label: str,
    folder: Path,
    as_json: bool,
) -> None:
    """Create a service account, and show what its holder signs in with: iss, aud, kid, and the private key if made.

    A private key is shown this once and not stored. The account signs in at POST /auth/login/serviceAccountConverter.
    """
    of = wanted(provider=provider, integration=integration, operator=operator, auditor=auditor, fleet_owner=fleet_owner)
    if of is None:
        raise click.UsageError("name one: --provider, --integration, --operator, --auditor or --fleet-owner")
    audience = _audience(url)
    private_pem, public_key = (None, _read(key_file)) if key_file is not None else new_key_pair()
    kid = key_id(public_key)
    with registry_of(folder) as registry:
        public_id = registry.create_service_account(
            of.role, of.owner, audience=audience, key_id=kid, public_key=public_key, label=label
        )
    said = {"iss": issuer(public_id), "aud": audience, "kid": kid}
    if as_json:
        print_json({"id": public_id, **said, "private_key": private_pem})
        return
    for name, value in said.items():
        console().print(f"{name}: {value}")
    if private_pem is not None:
        console().print(private_pem, end="")
        messages().print(f"Service account {public_id}: keep the key now, it cannot be shown again.")


@group.command("list")
@folder_option
@json_option
def list_accounts(folder: Path, as_json: bool) -> None:
    """List every service account there ever was."""
    with registry_of(folder) as registry:
        accounts = registry.list_service_accounts()
    if as_json:
        print_json(
            [
                {
                    "id": account.id,
                    "role": account.role,
                    **owner_fields(account.role, account.owner),
                    "iss": issuer(account.id),
                    "aud": account.audience,
                    "kid": account.key_id,
                    "label": account.label,
                    "created": when(account.created_us),
                    "revoked": when(account.revoked_us) or None,
                }
                for account in accounts
            ]
        )
        return
    print_table(
        ["id", "of", "kid", "label", "created", "revoked"],
        [
            [
                account.id,
                owner_text(account.role, account.owner),
                account.key_id,
                account.label,
                when(account.created_us),
                when(account.revoked_us),
            ]
            for account in accounts
        ],
        empty="No service accounts yet. Make one with: postroad service-account create",
    )


@group.command("revoke")
@click.argument("account_id")
@folder_option
@json_option
def revoke(account_id: str, folder: Path, as_json: bool) -> None:
    """Revoke the account ACCOUNT_ID (as listed), and with it every access token that it got.

    A running hub refuses both within its registry poll, half a second.
    """
    with registry_of(folder) as registry:
        registry.revoke_service_account(account_id)
    if as_json:
        print_json({"id": account_id, "revoked": True})
        return
    messages().print(f"Service account {account_id} is revoked.")


def _audience(url: str) -> str:
    """Where the account signs in. Raises ``UsageError``."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc or parts.query or parts.fragment:
        raise click.UsageError("--url is not one like https://hub.example")
    return url.rstrip("/") + SIGN_IN_PATH


def _read(file: Path) -> bytes:
    """Raises ``ConfigError``."""
    try:
        return read_public_key(file.read_bytes())
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", file=str(file)) from exc
    except ConfigError as exc:
        raise ConfigError(exc.message, file=str(file)) from exc
