"""Who has access to what, on every database: what each cause has told, and which streams it leaves."""

import pytest

from fixtures.granting import ACCOUNT, GrantingSite, subscription
from postroad.errors import ConfigError, Forbidden, NotFound
from postroad.registry import chosen, consents, grants

VEHICLES = {"AA": "F", "BB": "F", "CC": None}


@pytest.fixture
def site(granting: GrantingSite) -> GrantingSite:
    """Two vehicles in the fleet F, one in none; every vehicle that is granted has a stream."""
    granting.declare(VEHICLES)
    return granting


@pytest.fixture
def choosing(granting: GrantingSite) -> GrantingSite:
    """The same, and the customer chooses; F has given access."""
    granting.declare(VEHICLES, [subscription("all", "chosen")])
    granting.give("F")
    granting.said()
    return granting


# Grants


def test_a_fleet_gives_access_to_what_is_in_it_and_takes_all_of_it_back(site: GrantingSite) -> None:
    assert site.give("F")
    assert (site.said(), site.open()) == (["access_granted_to_fleet F"], {"AA", "BB"})
    view = site.store.view()
    assert view.accesses == {site.garage: {site.id("AA"), site.id("BB")}}
    [grant] = view.grants.values()
    assert (grant.integration_id, grant.subject_id, grant.kind) == (site.garage, site.id("F"), "fleet")
    assert site.revoke("F")
    assert (site.said(), site.open()) == (["access_removed_from_fleet F"], set())
    assert (site.store.view().grants, site.store.view().accesses) == ({}, {})


def test_a_vehicle_gives_access_and_takes_it_back(site: GrantingSite) -> None:
    assert site.give("CC")
    assert (site.said(), site.open()) == (["access_granted_to_vehicle CC"], {"CC"})
    assert site.revoke("CC")
    assert (site.said(), site.open()) == (["access_removed_from_vehicle CC"], set())


def test_giving_again_and_taking_what_was_not_given_is_nothing(site: GrantingSite) -> None:
    site.give("F")
    site.said()
    version = site.store.version()
    assert [site.give("F"), site.revoke("AA"), site.revoke("G")] == [False, False, False]
    assert (site.said(), site.store.version()) == ([], version)


def test_revoking_a_fleet_ends_every_stream_of_its_vehicles_and_by_another_grant_one_begins_anew(
    site: GrantingSite,
) -> None:
    site.give("F")
    site.give("AA")
    site.said()
    [before] = [s.id for s in site.store.view().streams.values() if s.subject_id == site.id("AA")]
    site.revoke("F")
    assert (site.said(), site.open()) == (["access_removed_from_fleet F"], {"AA"})
    of_aa = [s for s in site.store.view().streams.values() if s.subject_id == site.id("AA")]
    assert [(s.id == before, s.ended, s.until_position) for s in of_aa] == [
        (True, True, of_aa[1].from_position),
        (False, False, None),
    ]


def test_what_was_authorised_less_of_is_not_more_in_a_stream_that_begins_anew(site: GrantingSite) -> None:
    site.give("F")
    site.give("AA")
    [stream] = [s for s in site.store.view().streams.values() if s.subject_id == site.id("AA")]
    site.store.authorise(stream.id, ["vehicle_position"])
    site.revoke("F")
    of_aa = [s for s in site.store.view().streams.values() if s.subject_id == site.id("AA")]
    assert [(s.ended, s.scopes) for s in of_aa] == [(True, {"vehicle_position"}), (False, {"vehicle_position"})]


def test_revoking_the_vehicles_own_grant_ends_its_streams_and_by_its_fleets_one_begins_anew(site: GrantingSite) -> None:
    site.give("F")
    site.give("AA")
    site.said()
    site.revoke("AA")
    assert (site.said(), site.open()) == (["access_removed_from_vehicle AA"], {"AA", "BB"})
    assert [s.ended for s in site.store.view().streams.values() if s.subject_id == site.id("AA")] == [True, False]


def test_a_vehicle_that_leaves_keeps_its_streams_if_it_has_given_access_itself(site: GrantingSite) -> None:
    site.give("F")
    site.give("AA")
    site.said()
    site.move("AA", "G")
    site.move("BB", None)
    assert site.said() == [
        "access_removed_from_vehicle AA F",
        "access_granted_to_vehicle AA",
        "access_removed_from_vehicle BB F",
    ]
    assert site.open() == {"AA"}
    assert len([s for s in site.store.view().streams.values() if s.subject_id == site.id("AA")]) == 1


def test_a_move_between_fleets_that_gave_access_is_told_as_removed_first_and_added_then(site: GrantingSite) -> None:
    site.give("F")
    site.give("G")
    site.said()
    site.move("AA", "G")
    assert site.said() == ["access_removed_from_vehicle AA F", "vehicle_added_to_fleet AA G"]
    site.move("CC", "G")
    assert site.said() == ["vehicle_added_to_fleet CC G"]
    assert site.open() == {"AA", "BB", "CC"}


def test_a_deleted_fleet_is_told_once_and_nothing_of_its_vehicles(site: GrantingSite) -> None:
    site.give("F")
    site.give("AA")
    site.said()
    site.delete_fleet("F")
    assert (site.said(), site.open()) == (["access_removed_from_fleet F"], {"AA"})
    assert [grant.kind for grant in site.store.view().grants.values()] == ["vehicle"]
    with pytest.raises(NotFound):
        site.delete_fleet("F")


def test_what_is_not_there_cannot_be_granted_moved_or_deleted(site: GrantingSite) -> None:
    with site.store.transaction() as transaction:
        for integration_id, subject_id in ((4711, 1), (1, 4711)):
            with pytest.raises(NotFound):
                grants.give(transaction, integration_id, subject_id)
        with pytest.raises(NotFound):
            grants.move(transaction, 4711, None)
    site.declare({"AA": "F"})
    with pytest.raises(NotFound):
        site.give("CC")
    with pytest.raises(NotFound):
        site.move("AA", "H")


def test_a_vehicle_cannot_join_a_fleet_of_another_organization(site: GrantingSite) -> None:
    organization = next(o.id for o in site.store.view().organizations.values() if o.name == "shop")
    with site.store.transaction() as transaction:
        transaction.connection.exec_driver_sql(
            f"UPDATE subjects SET organization_id = {organization} WHERE id = {site.id_of(transaction, 'G')}"
        )
    with pytest.raises(NotFound):
        site.move("AA", "G")


def test_what_is_undone_is_not_told(site: GrantingSite) -> None:
    garage, fleet = site.garage, site.id("F")
    with pytest.raises(ZeroDivisionError), site.store.transaction() as transaction:
        grants.give(transaction, garage, fleet)
        raise ZeroDivisionError
    assert (site.said(), site.open(), site.store.view().grants) == ([], set(), {})


# Other changes


def test_applying_a_file_moves_and_removes_with_the_same_words(site: GrantingSite) -> None:
    site.give("F")
    site.give("G")
    site.give("CC")
    site.said()
    site.declare({"AA": "G", "BB": None, "CC": "F"})
    assert site.said() == [
        "access_removed_from_vehicle AA F",
        "access_removed_from_vehicle BB F",
        "vehicle_added_to_fleet AA G",
        "vehicle_added_to_fleet CC F",
    ]
    site.declare({"AA": "G", "BB": None})
    assert site.said() == ["access_removed_from_vehicle vehicle F"], "CC is no more, and left"
    assert site.open() == {"AA"}
    site.declare({"AA": None, "BB": None}, fleets=["F"])
    assert (site.said(), site.open()) == (["access_removed_from_fleet G"], set())
    assert [site.store.view().subjects[g.subject_id].kind for g in site.store.view().grants.values()] == ["fleet"]


def test_applying_the_same_file_again_changes_nothing(site: GrantingSite) -> None:
    site.give("F")
    site.said()
    version = site.store.version()
    assert (site.declare(VEHICLES), site.store.version(), site.said()) == ([], version, [])


def test_an_integration_that_is_removed_has_no_grants_and_no_streams(site: GrantingSite) -> None:
    site.give("F")
    site.said()
    site.declare(VEHICLES, shop=False)
    assert site.store.pending(0, limit=10) == [], "there is nobody to tell"
    view = site.store.view()
    assert (view.grants, view.accesses, [s.ended for s in view.streams.values()]) == ({}, {}, [True, True])


def test_a_new_vehicle_is_had_as_soon_as_it_is_in_a_fleet_that_gave_access(site: GrantingSite) -> None:
    site.give("F")
    site.said()
    site.declare(VEHICLES | {"DD": "F", "EE": None})
    assert (site.said(), site.open()) == (["vehicle_added_to_fleet DD F"], {"AA", "BB", "DD"})


def test_while_a_provider_has_lost_access_a_vehicle_is_had_by_nobody(site: GrantingSite) -> None:
    site.give("F")
    site.give("CC")
    site.said()
    aa, cc = site.id("AA"), site.id("CC")
    provider_id, organization_id = site.provider()
    site.change(consents.withdraw, provider_id, [aa, cc], consents.Place(0, 900))
    assert site.said() == ["access_removed_from_vehicle AA", "access_removed_from_vehicle CC"]
    assert (site.open(), site.store.view().accesses) == ({"BB"}, {site.garage: {site.id("BB")}})
    assert [s.until_position for s in site.store.view().streams.values() if s.ended] == [900, 900]
    site.change(consents.give, provider_id, organization_id, [aa, cc])
    assert site.said() == ["vehicle_added_to_fleet AA F", "access_granted_to_vehicle CC"]
    assert site.open() == {"AA", "BB", "CC"}


def test_a_providers_own_fleet_can_give_access_and_is_told_of_to_who_has_a_vehicle_by_itself(
    site: GrantingSite,
) -> None:
    _, organization_id = site.provider()
    cc = site.id("CC")
    site.give("CC")
    site.said()
    namespace = "connected_cars.fleet"
    with site.store.transaction() as transaction:
        consents.move(transaction, organization_id, cc, (namespace, "5"), shard=0, issue=())
    assert site.said() == ["vehicle_added_to_fleet CC fleet"]
    fleet_id = site.store.view().subjects[cc].fleet_id
    assert fleet_id is not None
    assert site.change(grants.give, site.garage, fleet_id)
    assert site.said() == ["access_granted_to_fleet fleet"]
    with site.store.transaction() as transaction:
        consents.move(transaction, organization_id, cc, None, shard=0, issue=())
    assert site.said() == ["access_removed_from_vehicle CC fleet", "access_granted_to_vehicle CC"]


# Subscriptions


def test_each_subscription_of_the_integration_is_told_whether_or_not_it_has_streams(granting: GrantingSite) -> None:
    granting.declare(
        VEHICLES,
        [
            subscription("all"),
            subscription("some", "chosen"),
            subscription("words", "chosen", types=[]),
            subscription("data", options={"admin_events": False}),
            subscription("operators", {"plates": []}),
        ],
    )
    granting.give("F")
    words = [granting.said(name) for name in ("all",)]
    assert words == [["access_granted_to_fleet F"]]
    granting.revoke("F")
    told = granting.said_to_each()
    assert told == {name: ["access_removed_from_fleet F"] for name in ("all", "some", "words")}
    assert [granting.open(name) for name in ("some", "words", "operators")] == [set()] * 3


def test_without_types_a_subscription_must_be_told_of_access(granting: GrantingSite) -> None:
    with pytest.raises(ConfigError, match="name at least one type"):
        granting.declare(VEHICLES, [subscription("words", types=[], options={"admin_events": False})])
    with pytest.raises(ConfigError, match="name at least one type"):
        granting.declare(VEHICLES, [subscription("feed", protocol="connected_cars_legacy", types=[])])


def test_a_subscription_that_begins_is_told_what_its_integration_has(site: GrantingSite) -> None:
    site.give("F")
    site.give("CC")
    site.said()
    site.declare(VEHICLES, [subscription("all"), subscription("more", "chosen")])
    assert site.said_to_each() == {"more": ["access_granted_to_fleet F", "access_granted_to_vehicle CC"]}
    quiet = subscription("all", options={"admin_events": False})
    site.declare(VEHICLES, [quiet, subscription("more", "chosen")])
    site.revoke("CC")
    assert site.said_to_each() == {"more": ["access_removed_from_vehicle CC"]}
    site.declare(VEHICLES, [subscription("all"), subscription("more", "chosen")])
    assert site.said_to_each() == {"all": ["access_granted_to_fleet F"]}


def test_a_subscription_that_another_decides_on_begins_anew(site: GrantingSite) -> None:
    site.give("F")
    site.said()
    site.declare(VEHICLES, [subscription("all", "chosen")])
    assert site.open() == set()
    assert site.said() == ["access_removed_from_fleet F", "access_granted_to_fleet F"]
    site.add("AA")
    site.declare(VEHICLES, [subscription("all", "all")])
    assert (site.said(), site.open()) == (["access_removed_from_fleet F"], set()), "it has no vehicles of its own"
    site.declare(VEHICLES)
    assert (site.said(), site.open()) == (["access_granted_to_fleet F"], {"AA", "BB"})


def test_what_an_operator_selected_is_told_as_taken_away_when_grants_decide(granting: GrantingSite) -> None:
    granting.declare_own({"AA": "F", "BB": None}, "all")
    assert granting.said("own") == ["access_granted_to_vehicle AA", "access_granted_to_vehicle BB"]
    granting.declare_own({"AA": "F", "BB": None}, "granted")
    assert granting.said("own") == ["access_removed_from_vehicle AA", "access_removed_from_vehicle BB"]
    assert granting.open("own") == set()


def test_accounts_of_each_organization_share_what_a_subscription_covers(granting: GrantingSite) -> None:
    granting.declare(VEHICLES, [subscription("all", **ACCOUNT)])
    granting.give("F")
    assert granting.said() == ["user_signed_up account AA BB"]
    granting.give("AA")
    granting.give("CC")
    granting.move("BB", None)
    assert granting.said() == ["vehicles_shared account CC", "vehicle_unshared account BB"]
    granting.revoke("F")
    assert granting.said() == [], "AA is shared still, by its own grant"
    granting.revoke("AA")
    granting.revoke("CC")
    assert granting.said() == ["vehicle_unshared account AA", "user_removed account"]
    [account] = [s for s in granting.store.view().subjects.values() if s.kind == "account"]
    assert account.organization_id == granting.store.view().subjects[granting.id("AA")].organization_id
    assert set(account.issued) == {"connected_cars_legacy.user_id"}


def test_an_account_shares_what_is_chosen_and_a_provider_that_loses_access_ends_that(granting: GrantingSite) -> None:
    granting.declare(VEHICLES, [subscription("all", "chosen", **ACCOUNT)])
    granting.give("F")
    assert granting.said() == []
    granting.add("AA", "BB")
    assert granting.said() == ["user_signed_up account AA BB"]
    provider_id, _ = granting.provider()
    aa = granting.id("AA")
    granting.change(consents.withdraw, provider_id, [aa], None)
    assert granting.said() == ["vehicle_unshared account AA"]
    granting.change(chosen.delete_all, [granting.garage], [granting.id("BB")])
    assert granting.said() == ["user_removed account"]


# What a customer chooses


def test_a_customer_chooses_among_what_was_granted_and_what_is_there_is_given_as_it_is(choosing: GrantingSite) -> None:
    assert choosing.open() == set()
    bb, aa = choosing.add("BB", "AA")
    assert choosing.open() == {"AA", "BB"}
    assert (bb.subject_id, aa.subject_id) == (choosing.id("BB"), choosing.id("AA"))
    update = choosing.change(chosen.update, [choosing.garage], aa.id, "test.com/1")
    assert (update.id, update.reference_url) == (aa.id, "test.com/1")
    again = choosing.add("AA")
    assert [(stream.id, stream.reference_url) for stream in again] == [(aa.id, "test.com/1")]
    assert choosing.store.view().streams[aa.id].reference_url == "test.com/1"
    assert choosing.said() == [], "he knows what he does"


@pytest.mark.parametrize("wrong", ["CC", "nobody", "granted", "other", "twice"])
def test_adding_is_all_or_nothing(granting: GrantingSite, wrong: str) -> None:
    granting.declare(VEHICLES, [subscription("all", "chosen"), subscription("by itself")])
    granting.give("F")
    good = chosen.NewStream(granting.id("AA"), granting.subscription().id, "test.com/1")
    bad = {
        "CC": good._replace(vehicle_id=granting.id("CC")),
        "nobody": good._replace(vehicle_id=4711),
        "granted": good._replace(subscription_id=granting.subscription("by itself").id),
        "other": good._replace(subscription_id=4711),
        "twice": good._replace(reference_url="test.com/2"),
    }[wrong]
    before = granting.store.version()
    error = ConfigError if wrong == "twice" else Forbidden
    with pytest.raises(error) as refused:
        granting.change(chosen.add, [granting.garage], [good, bad])
    assert getattr(refused.value, "field", None) == "input[1]"
    assert (granting.open(), granting.store.version()) == (set(), before)


def test_who_acts_for_another_integration_may_touch_nothing(choosing: GrantingSite) -> None:
    [aa] = choosing.add("AA")
    wanted = chosen.NewStream(choosing.id("BB"), choosing.subscription().id, None)
    for call in (
        lambda: choosing.change(chosen.add, [4711], [wanted]),
        lambda: choosing.change(chosen.delete, [], [aa.id]),
        lambda: choosing.change(chosen.update, [4711], aa.id, "x"),
    ):
        with pytest.raises(Forbidden):
            call()
    assert choosing.change(chosen.delete_all, [4711], [choosing.id("AA")]) == 0
    assert choosing.open() == {"AA"}


def test_deleting_is_all_or_nothing_and_of_vehicles_what_there_is(choosing: GrantingSite) -> None:
    aa, bb = choosing.add("AA", "BB")
    with pytest.raises(Forbidden) as refused:
        choosing.change(chosen.delete, [choosing.garage], [aa.id, 4711])
    assert refused.value.field == "input[1]"
    assert choosing.open() == {"AA", "BB"}
    choosing.change(chosen.delete, [choosing.garage], [aa.id])
    assert choosing.open() == {"BB"}
    with pytest.raises(Forbidden):
        choosing.change(chosen.delete, [choosing.garage], [aa.id])
    with pytest.raises(Forbidden):
        choosing.change(chosen.update, [choosing.garage], aa.id, "x")
    with pytest.raises(ConfigError):
        choosing.change(chosen.delete_all, [choosing.garage], [])
    ids = [choosing.id("AA"), choosing.id("BB"), 4711]
    assert [choosing.change(chosen.delete_all, [choosing.garage], ids) for _ in range(2)] == [1, 0]
    choosing.store.activate_streams(0, 5_000)
    assert {(s.ended, s.until_position) for s in choosing.store.view().streams.values()} == {(True, 5_000)}
    assert choosing.add("BB")[0].id not in (aa.id, bb.id)


def test_what_was_chosen_ends_with_the_access_and_a_new_grant_restores_nothing(choosing: GrantingSite) -> None:
    choosing.add("AA", "BB")
    choosing.give("AA")
    choosing.revoke("F")
    assert choosing.open() == set(), "also of AA, whose own grant stands"
    choosing.give("F")
    assert choosing.open() == set()
    choosing.add("AA", "BB")
    choosing.move("BB", None)
    choosing.move("AA", None)
    assert choosing.open() == {"AA"}


# What was told, in the log


def test_where_something_was_told_is_kept_until_the_log_has_it_no_more(site: GrantingSite) -> None:
    site.give("F")
    site.give("CC")
    site.said()
    told = site.store.view().told
    mine = site.subscription().id
    assert {(at.subscription_id, at.subject_id, at.shard) for at in told} == {
        (mine, site.id("F"), 0),
        (mine, site.id("CC"), 0),
    }
    first, second = sorted(at.position for at in told)
    version = site.store.version()
    site.store.forget_told(0, below=first)
    site.store.forget_told(1, below=second + 1)
    assert (site.store.view().told, site.store.version()) == (told, version)
    site.store.forget_told(0, below=second)
    assert [at.position for at in site.store.view().told] == [second]


def test_what_a_view_does_not_show_yet_is_not_relayed_by_it(site: GrantingSite) -> None:
    site.give("F")
    seen = site.store.view().outbox_end
    site.give("CC")
    site.store.activate_streams(0, 5)
    assert len(site.store.pending(0, limit=10)) == 2
    assert len(site.store.pending(0, limit=10, below=seen)) == 1
    site.said()
    assert site.store.view().outbox_end <= seen + 1
