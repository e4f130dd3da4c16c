"""Applying any file twice is a no-op; applying it over another, pruning, gives what it gives on an empty registry."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroad.registry.apply import Catalogue, apply_file
from postroad.registry.records import RegistryView
from postroad.registry.secrets import KeyRing, opened_config
from postroad.registry.store import RegistryStore

NAMES = st.sampled_from(["alpha", "Beta", "año 1"])
ENVIRONMENT = {"ONE": "first", "TWO": "second"}


@st.composite
def named(draw: Any, part: Any) -> list[dict[str, Any]]:
    return [{"name": name, **draw(part)} for name in draw(st.lists(NAMES, unique=True, max_size=2))]


@st.composite
def vehicles(draw: Any, fleets: list[str]) -> list[dict[str, Any]]:
    plates = draw(st.lists(st.sampled_from(["P1", "P2", "P3"]), unique=True))
    vins = draw(st.permutations(["V1", "V2", None, None]))
    plated = [{"plate": plate, "vin": vin} for plate, vin in zip(plates, vins, strict=False)]
    bare = [{"vin": vin} for vin in vins[len(plates) :] if vin is not None and draw(st.booleans())]
    return [
        {**vehicle, "fleet": draw(st.sampled_from([*fleets, None]))} for vehicle in draw(st.permutations(plated + bare))
    ]


@st.composite
def integrations(draw: Any, fleets: list[str]) -> dict[str, Any]:
    secret = st.sampled_from([{"env": "ONE"}, {"env": "TWO"}])
    client = st.fixed_dictionaries({"token_url": st.just("t"), "client_id": NAMES, "client_secret": secret})
    auth = client.map(lambda fields: {"type": "oauth2_client_credentials", **fields})
    config = st.fixed_dictionaries({"url": NAMES}, optional={"auth": auth})
    destinations = draw(named(st.fixed_dictionaries({"transport": st.just("https"), "config": config})))
    some = st.fixed_dictionaries(
        {
            "fleets": st.lists(st.sampled_from(fleets)) if fleets else st.just([]),
            "plates": st.lists(st.sampled_from(["p-1", "P2"])),
        }
    )
    subscription = st.fixed_dictionaries(
        {
            "protocol": st.just("connected_cars"),
            "destination": st.sampled_from([d["name"] for d in destinations] or [""]),
            "types": st.permutations(["gps_position", "car_ignition"]).map(lambda types: types[:1]),
            "vehicles": st.sampled_from(["all", "none"]) | some,
            "state": st.sampled_from(["active", "paused"]),
        },
        optional={"options": st.just({"can_claims": True}), "delivery": st.just({"max_items": 5})},
    )
    return {
        "destinations": destinations,
        "subscriptions": draw(named(subscription)) if destinations else [],
    }


@st.composite
def organizations(draw: Any) -> dict[str, Any]:
    fleets = draw(st.lists(NAMES, unique=True, max_size=2))
    provider = st.fixed_dictionaries(
        {"protocol": st.just("drivetech")},
        optional={
            "settings": st.fixed_dictionaries({"max_speed_kmh": st.integers(1, 2)}),
            "unknown_vehicles": st.sampled_from(["create", "unassigned"]),
        },
    )
    return {
        "providers": draw(named(provider)),
        "fleets": [{"name": name} for name in fleets],
        "vehicles": draw(vehicles(fleets)),
        "integrations": draw(named(integrations(fleets))),
    }


DOCUMENTS = st.fixed_dictionaries({"organizations": named(organizations())})


def by_name(view: RegistryView, keys: KeyRing) -> dict[str, Any]:
    """A view without ids, revisions and history: two registries with the same things give the same."""
    organization = {id_: o.name for id_, o in view.organizations.items()}
    subscription = {id_: (organization[s.organization_id], s.name, s.types) for id_, s in view.subscriptions.items()}
    vehicle: dict[int, list[tuple[str, str, str]]] = {}
    for (organization_id, namespace, value), subject_id in sorted(view.identifiers.items()):
        vehicle.setdefault(subject_id, []).append((organization[organization_id], namespace, value))
    return {
        "organizations": sorted(organization.values()),
        "providers": sorted(
            (organization[p.organization_id], p.name, p.unknown_vehicles, json.dumps(p.settings))
            for p in view.providers.values()
        ),
        "subjects": sorted(
            (organization[s.organization_id], s.kind, vehicle.get(s.id, []))
            for s in view.subjects.values()
            if not s.removed
        ),
        "destinations": sorted(
            (d.name, json.dumps(opened_config(d, keys), sort_keys=True)) for d in view.destinations.values()
        ),
        "subscriptions": sorted(
            (*subscription[id_], s.state, json.dumps([s.options, s.delivery]), view.destinations[s.destination_id].name)
            for id_, s in view.subscriptions.items()
        ),
        "streams": sorted(
            (subscription[s.subscription_id], vehicle.get(s.subject_id, []))
            for s in view.streams.values()
            if not s.ended
        ),
    }


class Bench:
    """Empty registries, one after another."""

    def __init__(self, folder: Path, catalogue: Catalogue, keys: KeyRing) -> None:
        self._folder, self._catalogue, self.keys = folder, catalogue, keys
        self._numbers = itertools.count()
        RegistryStore.open(folder / "empty.db").close()
        self._empty = (folder / "empty.db").read_bytes()

    def store(self) -> RegistryStore:
        path = self._folder / f"{next(self._numbers)}.db"
        path.write_bytes(self._empty)
        return RegistryStore.open(path)

    def apply(self, store: RegistryStore, document: Any, *, prune: bool = True, dry_run: bool = False) -> Any:
        path = self._folder / "fleet.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")  # which is YAML too
        return apply_file(
            store,
            path,
            catalogue=self._catalogue,
            keys=self.keys,
            environment=ENVIRONMENT,
            prune=prune,
            dry_run=dry_run,
        )


@pytest.fixture
def bench(tmp_path: Path, catalogue: Catalogue, keys: KeyRing) -> Iterator[Bench]:
    return Bench(tmp_path, catalogue, keys)


QUICKLY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICKLY
@given(document=DOCUMENTS, prune=st.booleans())
def test_applying_twice_is_a_no_op(bench: Bench, document: Any, prune: bool) -> None:
    store = bench.store()
    bench.apply(store, document, prune=prune)
    before = store.view()
    assert bench.apply(store, document, prune=prune) == []
    assert store.view() == before
    store.close()


@QUICKLY
@given(first=DOCUMENTS, second=DOCUMENTS)
def test_applying_over_another_with_pruning_is_as_applying_to_nothing(bench: Bench, first: Any, second: Any) -> None:
    over, fresh = bench.store(), bench.store()
    bench.apply(over, first)
    foretold = bench.apply(over, second, dry_run=True)
    assert bench.apply(over, second) == foretold
    bench.apply(fresh, second)
    assert by_name(over.view(), bench.keys) == by_name(fresh.view(), bench.keys)
    over.close()
    fresh.close()
