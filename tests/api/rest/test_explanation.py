"""The story of an event: everything to who sees everything, and to a customer what became of it for him."""

from fixtures.ops_site import GPS, OpsSite, refused_alike
from postroad.protocols.base import outgoing_id


def event(position: int) -> int:
    return outgoing_id(position, GPS)


async def test_an_operator_is_told_the_whole_story_by_the_events_id_and_by_its_items_place(ops: OpsSite) -> None:
    position = await ops.report()
    ops.failed("claims", position)
    await ops.bury("claims", position)
    story = await ops.ok(f"/events/{event(position)}/explanation")
    intake = story["intake"]
    assert (story["item"], intake["provider"], intake["protocol"]) == (f"0:{position}", "andes-gps", "drivetech")
    assert intake["identifiers"] == ["plate AA1111"]
    assert "AA1111" in intake["body"]["data"]
    routes = {one["subscription"]: one for one in story["routes"]}
    assert routes.keys() == {"claims", "repairs"}, "those of the item's organization"
    assert (routes["claims"]["verdict"], routes["claims"]["state"]) == ("routed", "dead")
    assert (routes["claims"]["types"], routes["claims"]["event_ids"]) == (["gps_position"], [event(position)])
    assert [(one["outcome"], one["reason"]) for one in routes["claims"]["attempts"]] == [("failed", "server_error")]
    [letter] = routes["claims"]["letters"]
    assert (letter["event_id"], letter["dead"], letter["status"]) == (event(position), True, 422)
    assert routes["repairs"]["state"] == "pending"
    assert await ops.ok(f"/events/0:{position}/explanation") == story


async def test_an_integration_is_told_of_its_own_subscriptions_and_nothing_of_whose_item_it_is(ops: OpsSite) -> None:
    position = await ops.report()
    for name in ("claims", "repairs"):
        ops.failed(name, position)
        await ops.bury(name, position, detail=f"letter of {name}")
    answered = await ops.get(f"/events/{event(position)}/explanation", by="insurer")
    assert (answered.json["intake"], [one["subscription"] for one in answered.json["routes"]]) == (None, ["claims"])
    for others in (b"repairs", b"garage", b"AA1111", b"andes-gps", b"drivetech"):
        assert others not in answered.body, others


async def test_that_there_is_an_item_at_all_is_told_to_an_integration_only_if_it_was_to_have_it(ops: OpsSite) -> None:
    position = await ops.report()
    far = await ops.report("NN9999", by="nord-gps")
    unknown = await ops.get("/events/0:99999/explanation", by="rival")
    assert refused_alike(
        unknown,
        await ops.get(f"/events/{event(position)}/explanation", by="rival"),
        await ops.get(f"/events/{event(far)}/explanation", by="insurer"),
        await ops.get("/events/abc/explanation"),
        await ops.get("/events/9:1/explanation"),
        await ops.get(f"/events/{event(position)}/explanation", by="andes-gps"),
        await ops.get(f"/events/{event(position)}/explanation", by="owner"),
    )


async def test_what_the_hub_told_another_subscription_is_not_told(ops: OpsSite) -> None:
    """The word that a subscription has a vehicle is for that one alone, though the other has the vehicle too."""
    first = [p for p in range(1, ops.log.next_position) if (await _routed(ops, p)) == {"repairs"}]
    assert first
    assert (await ops.get(f"/events/0:{first[0]}/explanation", by="insurer")).status == 404
    assert (await ops.get(f"/events/0:{first[0]}/explanation", by="garage")).status == 200


async def test_an_auditor_of_one_organization_is_told_of_no_other(ops: OpsSite) -> None:
    position = await ops.report()
    whole = await ops.ok(f"/events/{event(position)}/explanation", by="auditor of Andes")
    assert (whole["intake"]["provider"], len(whole["routes"])) == ("andes-gps", 2)
    assert (await ops.get(f"/events/{event(position)}/explanation", by="auditor of Nord")).status == 404


async def test_an_item_that_could_not_be_read_says_why_to_who_may_see_what_was_sent(ops: OpsSite) -> None:
    [item] = await ops.unreadable(b"{}")
    story = await ops.ok(f"/events/{item}/explanation")
    assert (story["intake"]["unreadable"], story["intake"]["kind"]) == ("datetime: invalid", "unreadable")
    assert (await ops.get(f"/events/{item}/explanation", by="insurer")).status == 404


async def _routed(ops: OpsSite, position: int) -> set[str]:
    story = await ops.ok(f"/events/0:{position}/explanation")
    return {one["subscription"] for one in story["routes"] if one["verdict"] == "routed"}
