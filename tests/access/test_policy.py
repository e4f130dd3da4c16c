"""The whole of the policy: every role, every operation, every target, against a table that is written here by hand."""

import msgspec
import pytest

from postroad.access.policy import ALLOWED, HUB, READS, Operation, Target, allowed, integrations_of, require
from postroad.access.principals import Principal, Role
from postroad.errors import Forbidden
from postroad.registry.records import Integration, Organization, RegistryView

A, B = 1, 2
"""Organizations. Those who ask are of A, or of none."""

PRINCIPALS = {
    "operator": Principal(name="o", role=Role.OPERATOR),
    "auditor": Principal(name="u", role=Role.AUDITOR),
    "auditor_a": Principal(name="ua", role=Role.AUDITOR, organization_id=A),
    "fleet_owner": Principal(name="f", role=Role.FLEET_OWNER, organization_id=A),
    "provider": Principal(name="p", role=Role.PROVIDER, organization_id=A, provider_id=11),
    "integration": Principal(name="i", role=Role.INTEGRATION, organization_id=A, integration_id=21),
    "owner": Principal(name="w", role=Role.OWNER, organization_id=A, account_id=31),
}
TARGETS = {
    "hub": HUB,
    "a": Target(organization_id=A),
    "b": Target(organization_id=B),
    "a/provider": Target(organization_id=A, provider_id=11),
    "a/provider2": Target(organization_id=A, provider_id=12),
    "b/provider": Target(organization_id=B, provider_id=13),
    "a/integration": Target(organization_id=A, integration_id=21),
    "a/integration2": Target(organization_id=A, integration_id=22),
    "b/integration": Target(organization_id=B, integration_id=23),
    "a/owner": Target(organization_id=A, account_id=31),
    "a/owner2": Target(organization_id=A, account_id=32),
    "b/owner": Target(organization_id=B, account_id=33),
    "nowhere/owner": Target(account_id=31),
    "a/integration/owner": Target(organization_id=A, integration_id=22, account_id=31),
}
REACHED = {
    "-": set(),
    "all": set(TARGETS),
    "in_a": {name for name in TARGETS if name.startswith("a")},  # the organization, and all that is in it
    "a": {"a"},  # the organization, but none of its providers and integrations
    "self": {"a/provider", "a/integration", "a/owner"},  # the one, or the other, by the role
}

MATRIX = """
                    operator  auditor  auditor_a  fleet_owner  provider  integration  owner
push_events         -         -        -          -            self      -            -
read_intake         all       all      in_a       -            self      -            -
redrive_intake      all       -        -          -            -         -            -
drop_intake         all       -        -          -            -         -            -
list_vehicles       all       all      in_a       -            -         self         -
list_topics         all       all      in_a       -            -         self         -
list_streams        all       all      in_a       -            -         self         -
add_streams         all       -        -          -            -         self         -
update_stream       all       -        -          -            -         self         -
delete_streams      all       -        -          -            -         self         -
read_deliveries     all       all      in_a       -            -         self         -
redrive_deliveries  all       -        -          -            -         self         -
drop_deliveries     all       -        -          -            -         -            -
read_grants         all       all      in_a       a            -         self         self
give_grant          all       -        -          a            -         -            self
withdraw_grant      all       -        -          a            -         self         self
read_fleets         all       all      in_a       a            -         -            -
change_fleets       all       -        -          a            -         -            -
read_state          all       all      in_a       a            -         -            -
read_registry       all       all      in_a       -            self      self         -
change_registry     all       -        -          -            -         -            -
read_audit          all       all      in_a       -            -         -            -
erase               all       -        -          -            -         -            -
"""

COLUMNS, *LINES = (line.split() for line in MATRIX.strip().splitlines())
EXPECTED = {(operation, who): cell for operation, *cells in LINES for who, cell in zip(COLUMNS, cells, strict=True)}


@pytest.mark.parametrize("who", PRINCIPALS)
@pytest.mark.parametrize("operation", Operation)
def test_a_role_may_do_what_the_matrix_says_to_whom_it_says_and_nothing_else(operation: Operation, who: str) -> None:
    assert (operation, who) in EXPECTED, f"the matrix has no row for {operation}"
    reached = REACHED[EXPECTED[operation, who]]
    if EXPECTED[operation, who] == "self":
        reached = {f"a/{who}"}
    assert {name for name, target in TARGETS.items() if allowed(PRINCIPALS[who], operation, target)} == reached
    for name, target in TARGETS.items():
        if name in reached:
            require(PRINCIPALS[who], operation, target)
        else:
            with pytest.raises(Forbidden):
                require(PRINCIPALS[who], operation, target)


def test_the_matrix_is_about_what_there_is() -> None:
    assert {operation for operation, _ in EXPECTED} == set(Operation)
    assert set(COLUMNS) == PRINCIPALS.keys()
    assert {principal.role for principal in PRINCIPALS.values()} == set(Role) == ALLOWED.keys()


def test_whoever_may_not_is_told_the_same_whatever_it_is() -> None:
    told = set()
    for principal in PRINCIPALS.values():
        for operation in Operation:
            for target in (*TARGETS.values(), Target(organization_id=99), Target(organization_id=A, integration_id=99)):
                try:
                    require(principal, operation, target)
                except Forbidden as exc:
                    told.add(str(exc))
    assert len(told) == 1


def test_an_auditor_changes_nothing_and_reads_everything() -> None:
    assert ALLOWED[Role.AUDITOR] == READS
    assert {one for one in Operation if one.value.startswith(("read_", "list_"))} == READS


def test_a_grant_is_given_at_the_end_of_its_fleet_and_withdrawn_at_either() -> None:
    """A fleet of A, and an integration of B: another organization's."""
    ends = Target(organization_id=A), Target(organization_id=B, integration_id=23)
    giver = PRINCIPALS["fleet_owner"]
    receiver = Principal(name="i", role=Role.INTEGRATION, organization_id=B, integration_id=23)
    strangers = [
        Principal(name="f", role=Role.FLEET_OWNER, organization_id=B),
        PRINCIPALS["integration"],
        PRINCIPALS["provider"],
        PRINCIPALS["auditor"],
    ]
    assert allowed(giver, Operation.GIVE_GRANT, *ends)
    assert allowed(giver, Operation.WITHDRAW_GRANT, *ends)
    assert not allowed(receiver, Operation.GIVE_GRANT, *ends)
    assert allowed(receiver, Operation.WITHDRAW_GRANT, *ends)
    for stranger in strangers:
        assert not allowed(stranger, Operation.GIVE_GRANT, *ends)
        assert not allowed(stranger, Operation.WITHDRAW_GRANT, *ends)


def test_nothing_is_allowed_on_nothing() -> None:
    assert not allowed(PRINCIPALS["operator"], Operation.READ_AUDIT)


def test_the_integrations_of_a_principal_are_those_that_it_may_do_it_to() -> None:
    view = RegistryView(
        version=1, organizations={A: Organization(A, "A"), B: Organization(B, "B")}, providers={}, provider_settings={},
        tokens={}, subjects={}, identifiers={}, destinations={}, subscriptions={}, streams={},
        integrations={21: Integration(21, A, "one"), 22: Integration(22, A, "two"), 23: Integration(23, B, "three")},
    )  # fmt: skip
    found = {who: integrations_of(one, view, Operation.LIST_STREAMS) for who, one in PRINCIPALS.items()}
    everything = {21, 22, 23}
    assert found == {
        "operator": everything, "auditor": everything, "auditor_a": {21, 22}, "fleet_owner": set(), "provider": set(),
        "integration": {21}, "owner": set(),
    }  # fmt: skip
    added = {who: integrations_of(one, view, Operation.ADD_STREAMS) for who, one in PRINCIPALS.items()}
    assert {who for who, ids in added.items() if ids} == {"operator", "integration"}
    gone = msgspec.structs.replace(view, integrations={})
    assert integrations_of(PRINCIPALS["integration"], gone, Operation.LIST_STREAMS) == set()
    assert integrations_of(PRINCIPALS["fleet_owner"], view, Operation.READ_GRANTS) == set()
