"""The explorer: from the hub alone, in a real browser that reaches nothing else."""

import base64
import hashlib
import json
import re
from importlib import resources
from pathlib import Path

import pytest

from fixtures.chromium import chromium
from fixtures.graphql_site import GraphQLSite

QUESTION = "{ consentedIntegrationVehicles { items { id licensePlate } } }"
BUTTONS = {  # -> what then is on the page
    "Re-fetch GraphQL schema": "AAAA11",
    "Show Documentation Explorer": "DeleteAllVehicleDataStreamsInput",
    "Open settings dialog": "Adjust how the interface appears",
}


async def test_it_works_in_a_browser_that_reaches_nothing_but_the_hub(
    graphql_site: GraphQLSite, tmp_path: Path
) -> None:
    graphql_site.declare({"AAAA11": "F"})
    graphql_site.give("F")
    await graphql_site.start()
    async with chromium(tmp_path) as browser:
        await browser.open(f"{graphql_site.url}/graphiql")
        await browser.until("document.querySelectorAll('.CodeMirror').length >= 3")
        assert graphql_site.url not in browser.asked, "nothing is asked before there is a token"
        headers = json.dumps({"Authorization": f"Bearer {graphql_site.tokens['garage']}"})
        await browser.evaluate(f"""{{
            const editors = [...document.querySelectorAll(".CodeMirror")].map(one => one.CodeMirror);
            editors.find(one => one.getValue().includes("integrationTopics")).setValue({json.dumps(QUESTION)});
            editors.find(one => one.getValue().includes("Authorization")).setValue({json.dumps(headers)});
        }}""")
        await browser.evaluate("new Promise(done => setTimeout(done, 1000))")  # it takes over what stays so for a while
        await browser.evaluate("document.querySelector('.graphiql-execute-button').click()")
        await browser.until("document.querySelector('.result-window').innerText.includes('AAAA11')")
        for button, shown in BUTTONS.items():
            await browser.evaluate(f"document.querySelector(`[aria-label='{button}']`).click()")
            await browser.until(f"document.body.innerText.includes('{shown}')")
    assert [line for line in browser.said if not line.startswith("console.warning")] == [], "its policy lets it work"
    elsewhere = [url for url in browser.asked if not url.startswith((graphql_site.url, "data:"))]
    assert elsewhere == []


async def test_its_pages_allow_what_comes_with_them_and_nothing_else(graphql_site: GraphQLSite) -> None:
    graphql_site.declare({})
    await graphql_site.start()
    base, nonces = f"{graphql_site.url}/graphiql/", set()
    for _ in range(2):
        async with graphql_site.session.get(base) as answer:
            policy, html = answer.headers["Content-Security-Policy"], await answer.text()
            nonces |= set(re.findall("'nonce-([^']+)'", policy))
    assert len(nonces) == 2, "nobody can know the next one"
    assert "unsafe" not in policy
    assert "default-src 'none'; script-src 'self';" in policy
    assert "connect-src 'self'" in policy
    loaded = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert not re.search(r"(https?:)?//[a-z]|<script>| style=| on[a-z]+=", html)
    for name in loaded:
        if not name.startswith("data:"):
            async with graphql_site.session.get(base + name) as answer:
                assert (answer.status, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")
                known = {"If-None-Match": answer.headers["ETag"]}
            async with graphql_site.session.get(base + name, headers=known) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
    for missing in ("server.py", "LICENSES.txt", "%2e%2e%2fserver.py", "vendor/react.production.min.js"):
        async with graphql_site.session.get(base + missing) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("name", "sha384"),
    [
        ("graphiql.min.js", "9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B"),
        ("graphiql.min.css", "1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr"),
        ("react.production.min.js", "DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z"),
        ("react-dom.production.min.js", "gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1"),
    ],
)
def test_what_others_made_is_as_they_published_it(name: str, sha384: str) -> None:
    body = resources.files("postroad.api.graphql").joinpath("vendor", name).read_bytes()
    assert base64.b64encode(hashlib.sha384(body).digest()).decode() == sha384


def test_the_licences_of_what_others_made_stand_beside_it() -> None:
    text = resources.files("postroad.api.graphql").joinpath("vendor", "LICENSES.txt").read_text(encoding="utf-8")
    for package in ("graphiql", "react", "react-dom", "codemirror", "framer-motion", "Fira Code", "Roboto"):
        assert package in text
    notice = Path(__file__).parents[3] / "NOTICE"
    assert "graphiql 4.1.2" in notice.read_text(encoding="utf-8")
