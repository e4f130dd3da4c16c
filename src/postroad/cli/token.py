"""``postroad token``: bearer tokens of providers and integrations, and the API keys of the other roles."""

from pathlib import Path

import click

from postroad.cli.folder import folder_option, registry_of
from postroad.cli.output import console, json_option, messages, print_json, print_table, when
from postroad.cli.role import owner_fields, owner_text, role_options, wanted


@click.group("token", short_help="Issue, list and revoke tokens.")
def group() -> None:
    """Issue, list and revoke the tokens by which providers, integrations and people of other roles are known."""


@group.command("issue")
@click.argument("provider", required=False)
@role_options
@click.option(
    "--client", "as_client", is_flag=True, help="Show it as a client id and secret: for OAuth 2.0, or basic auth."
)
@click.option("--label", default="", help="What it is for, to tell several tokens apart.")
@folder_option
@json_option
def issue(
    provider: str | None,
    integration: str | None,
    operator: bool,
    auditor: str | None,
    fleet_owner: str | None,
    as_client: bool,
    label: str,
    folder: Path,
    as_json: bool,
) -> None:
    """Issue a token to PROVIDER (a name, or organization/name), to an integration, or to somebody of another role.

    It is shown this once and stored only as a hash. A provider that gets access tokens from /oauth/token, or signs in
    with a user name and a password, needs two texts: with --client the token is shown as such a pair.
    """
    of = wanted(provider=provider, integration=integration, operator=operator, auditor=auditor, fleet_owner=fleet_owner)
    if of is None:
        raise click.UsageError("name one: a provider, --integration, --operator, --auditor or --fleet-owner")
    if as_client and provider is None:
        raise click.UsageError("--client is for providers")
    with registry_of(folder) as registry:
        public_id, token = registry.issue_key(of.role, of.owner, label)
    if as_json:
        print_json({"client_id": public_id, "client_secret": token} if as_client else {"id": public_id, "token": token})
        return
    if as_client:
        console().print(f"client id      {public_id}\nclient secret  {token}")
        messages().print("Keep both now, the secret cannot be shown again.")
        return
    console().print(token)
    messages().print(f"Token {public_id}: keep it now, it cannot be shown again.")


@group.command("list")
@folder_option
@json_option
def list_tokens(folder: Path, as_json: bool) -> None:
    """List every token there ever was, never its text."""
    with registry_of(folder) as registry:
        tokens = registry.list_tokens()
    if as_json:
        print_json(
            [
                {
                    "id": token.id,
                    "role": token.role,
                    **owner_fields(token.role, token.owner),
                    "label": token.label,
                    "created": when(token.created_us),
                    "revoked": when(token.revoked_us) or None,
                }
                for token in tokens
            ]
        )
        return
    print_table(
        ["id", "of", "label", "created", "revoked"],
        [
            [token.id, owner_text(token.role, token.owner), token.label, when(token.created_us), when(token.revoked_us)]
            for token in tokens
        ],
        empty="No tokens yet. Issue one with: postroad token issue PROVIDER",
    )


@group.command("revoke")
@click.argument("token_id")
@folder_option
@json_option
def revoke(token_id: str, folder: Path, as_json: bool) -> None:
    """Revoke the token TOKEN_ID (as listed). A running hub refuses it within its registry poll, half a second."""
    with registry_of(folder) as registry:
        registry.revoke_token(token_id)
    if as_json:
        print_json({"id": token_id, "revoked": True})
        return
    messages().print(f"Token {token_id} is revoked.")
