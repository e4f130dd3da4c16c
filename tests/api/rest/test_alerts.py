"""Alerts: of what is somebody's, to him; of the hub itself, to who sees all."""

from fixtures.ops_site import OpsSite
from postroad.registry.alerts import about_provider, about_shard


async def has_alerts(ops: OpsSite) -> None:
    ops.store.raise_alert("destination_failing", str(ops.subscription("claims")), "claims is down")
    ops.store.raise_alert("destination_failing", str(ops.subscription("spying")), "spying is down")
    ops.store.raise_alert("upstream_failed", about_provider(ops.provider("nord-gps")), "of nord")
    ops.store.raise_alert("backlog_half", about_shard(0), "claims waits longest")
    ops.store.raise_alert("registry_unconfirmed", "", "of all")


async def details(ops: OpsSite, name: str) -> list[str]:
    return [one["detail"] for one in (await ops.ok("/alerts", by=name))["items"]]


async def test_everybody_sees_what_is_wrong_with_what_is_his(ops: OpsSite) -> None:
    await has_alerts(ops)
    everything = ["of all", "claims waits longest", "of nord", "spying is down", "claims is down"]
    for name, expected in (
        ("operator", everything),
        ("auditor", everything),
        ("auditor of Andes", ["claims is down"]),
        ("auditor of Nord", ["of nord", "spying is down"]),
        ("insurer", ["claims is down"]),
        ("garage", []),
        ("nord-gps", ["of nord"]),
        ("andes-gps", []),
        ("owner", []),
    ):
        assert await details(ops, name) == expected, name


async def test_an_alert_says_what_it_is_about(ops: OpsSite) -> None:
    await has_alerts(ops)
    hub, shard, provider, _, subscription = await ops.pages("/alerts")
    assert (subscription["subscription_id"], subscription["subscription"]) == (ops.subscription("claims"), "claims")
    assert (provider["provider_id"], provider["provider"], provider["shard"]) == (
        ops.provider("nord-gps"), "nord-gps", None
    )  # fmt: skip
    assert (shard["shard"], shard["subscription_id"], shard["kind"]) == (0, None, "backlog_half")
    assert {hub[name] for name in ("subscription_id", "provider_id", "shard", "cleared")} == {None}


async def test_what_was_cleared_is_listed_when_asked_for(ops: OpsSite) -> None:
    await has_alerts(ops)
    ops.store.clear_alert("registry_unconfirmed", "")
    assert "of all" not in await details(ops, "operator")
    [last, *_] = await ops.pages("/alerts?cleared=true")
    assert last["detail"] == "of all"
    assert last["cleared"] is not None
