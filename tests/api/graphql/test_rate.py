"""Too many requests: of one caller, and of one address that shows no token."""

from fixtures.graphql_site import GraphQLSite

QUERY = "{ integrationTopics { id } }"


async def test_too_many_requests_are_429_and_harm_nobody_else(graphql_site: GraphQLSite) -> None:
    graphql_site.declare({})
    await graphql_site.start(graphql_requests_per_s=0.2, burst_s=10.0)  # two at once, then one in five seconds
    statuses = [(await graphql_site.ask(QUERY)).status for _ in range(2)]
    assert statuses == [200, 200]
    answer = await graphql_site.ask(QUERY)
    assert (answer.status, answer.json["errors"][0]["type"]) == (429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert (await graphql_site.ask(QUERY, by="spy")).status == 200, "somebody else of the same address"
    statuses = [(await graphql_site.ask(QUERY, by=f"guess {n}")).status for n in range(4)]
    assert statuses == [401, 401, 429, 429], "whoever guesses tokens is one caller, whatever he shows"
    assert (await graphql_site.ask(QUERY, by="spy")).status == 200
