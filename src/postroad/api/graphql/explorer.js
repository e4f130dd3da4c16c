"use strict";

// With it the one style that GraphiQL makes by itself, behind its dialogs, is allowed.
globalThis.__webpack_nonce__ = document.querySelector("meta[name=style-nonce]").content;

// Nothing is asked before there is a token: the server tells strangers nothing, not even its schema.
const ENDPOINT = new URL("../../graphql", location.href);
const HEADERS = JSON.stringify({ Authorization: "Bearer " }, null, 2);
const QUERY = `# 1. Put your token into "Headers" below, behind Bearer.
# 2. Press "Re-fetch GraphQL schema" at the left, for completion and the documentation.
# 3. Press the triangle.

query topics {
  integrationTopics {
    id
    name
    state
    parameters
    lag { events complete oldestReceivedAt }
  }
}

query consentedIntegrationVehicles {
  consentedIntegrationVehicles(first: 100) {
    items { id vin licensePlate fleetId }
    pageInfo { hasNextPage endCursor }
  }
}
`;

async function fetcher(asked, options) {
  const headers = { "Content-Type": "application/json", ...options?.headers };
  if (!(headers.Authorization ?? "").replace(/^Bearer\s*/i, "")) {
    return { errors: [{ message: 'Put your token into "Headers", behind Bearer.' }] };
  }
  const answer = await fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify(asked), credentials: "omit" });
  return answer.json();
}

ReactDOM.createRoot(document.getElementById("explorer")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: QUERY,
    defaultHeaders: HEADERS,
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
  }),
);
