"""What a person does about an error or an answer: the part of the reference that code cannot say by itself."""

ERRORS = {
    "WireError": (
        "Look at `postroad events refused`, for an item of a bulk at `postroad quarantine list`: it shows what was "
        "sent and which field is wrong. The sender's client has "
        "to change, or the provider's `settings` in the declared file (a lenient profile, other units)."
    ),
    "ConfigError": (
        "The message names the file, line and field. Correct it there and run the command again; nothing was changed."
    ),
    "StoreUnavailable": (
        "Nothing of what was refused was kept, and the sender was told to try again. The reason says what to look at; "
        "the hub goes on by itself once the cause is gone."
    ),
    "StoreCorrupt": (
        "Stop the hub and copy the whole data folder before anything else. `postroad doctor` names the file. What is "
        "damaged is never delivered as if it were whole."
    ),
    "EgressRefused": (
        "The address, URL or certificate of a destination is not one the hub may talk to. "
        "`postroad subscriptions test NAME` shows the step; events wait meanwhile."
    ),
    "NotFound": "Check the name: the message says what was looked for, `postroad ... list` what there is.",
    "Forbidden": (
        "Check the id. If it is right, what asked stands for somebody else, or its integration was not granted the "
        "vehicle: `postroad token list` and `postroad service-account list` show roles, `postroad grants list` grants."
    ),
}

REASONS = {
    "WireError": {
        "missing": "The protocol requires the field; the client must send it.",
        "invalid": "Wrong type or out of range; the protocol's page has the range.",
        "not_json": "The body is no JSON object (of a bulk: no array of items): often a wrong encoding.",
        "too_large": "An item of a bulk is longer than 1 MiB, or one by itself than 33 MiB: it is kept cut off.",
        "other_feed": "The message belongs to the other feed: correct the URLs at the sender, then redrive it.",
    },
    "StoreUnavailable": {
        "disk_reserve": "Free some disk, or lower `log.max_bytes`: less is free than `log.reserve_bytes`.",
        "disk_full": "Free some disk: a write did not fit.",
        "read_only": "Make the file system writable again: the kernel remounts it so after a fault of the disk.",
        "locked": "Another program holds the file. Find it (`fuser FILE`) and let it end.",
        "closed": "The hub is stopping. Start it again.",
        "backlog": "More arrives than the disk takes. Look at the disk's load, or raise `ingest.queued_limit_bytes`.",
        "io": "The disk failed to read or write. Look at the kernel's log.",
        "lost": "The registry's server cannot be reached. Check it and `hub.registry_url`.",
    },
    "EgressRefused": {
        "scheme": "Use `https`.",
        "address": "The address is private or special. If it is meant, list its network in `egress.allow_cidrs`.",
        "name": "The host name is not one that can be talked to. Correct the URL.",
        "tls": "The certificate or CA file cannot be used. Have it renewed, or name its authority in `ca_file`.",
        "redirect": "Redirects are not followed: declare the URL it points to.",
    },
}

PROBLEMS = {
    "malformed-request": (
        "The body is no JSON, or the query holds something that is not known, twice, or out of range; `detail` says "
        "which. The request is wrong as it is."
    ),
    "unauthenticated": "Show an API key or a token: `Authorization: Bearer ...`. A revoked one is worth nothing.",
    "not-found": (
        "Check the path. What you may not see is answered in the same words as what does not exist: "
        "[roles](access.md) says who may do what."
    ),
    "method-not-allowed": "The path is right, the method is not: `Allow` lists those that there are.",
    "conflict": (
        "Something else stands in the way, which `detail` names: what is to be removed is in use, a task is not "
        "finished, or the same request is still being carried out."
    ),
    "precondition-failed": (
        "Somebody changed it since you got it: get it again, and decide anew. With `If-None-Match: *`: it is there."
    ),
    "body-too-large": "Send less at once; `detail` has the limit.",
    "unsupported-media-type": "Say `Content-Type: application/json`; `Accept` lists what is taken.",
    "invalid": (
        "The body can be read, but not be done: `errors` names each field by a JSON pointer, in the words that "
        "`postroad apply` would use."
    ),
    "idempotency-key-reused": "In the last 24 hours the key came with another request: take a new one.",
    "too-many-requests": "Wait the seconds that `Retry-After` says; the operator sets `limits.rest_requests_per_s`.",
    "internal": "A defect: nothing was changed. The hub's log has it; please report it.",
    "unavailable": (
        "Try again after `Retry-After`: the registry cannot be reached, or the hub has too much to do. With an "
        "`Idempotency-Key` that is safe in any case."
    ),
}

ALERTS = {
    "upstream_failed": (
        "A provider's control plane could not be made what is declared: it cannot be reached, does not take the "
        "service account, or refused a change; the detail quotes it. The hub tries again by itself; `postroad "
        "upstream sync PROVIDER` tries now."
    ),
    "deleted_driver_unknown": (
        "A provider said that a driver is to be forgotten, and not which, so nothing was deleted. `postroad events "
        "tail` shows what it said; have the sender name the driver."
    ),
    "credentials_refused": (
        "The destination does not take the hub's credentials, or its token endpoint gives no token for them. Correct "
        "them where the declared file refers to, and `postroad apply` it; events wait meanwhile. `postroad "
        "subscriptions test NAME` shows the step."
    ),
    "destination_gone": (
        "The destination answered that it is gone for good (410), and the hub paused the subscription. Ask the "
        "customer, correct the URL, then `postroad subscriptions resume NAME`; events wait meanwhile."
    ),
    "destination_failing": (
        "Attempts keep failing, so only single ones probe the destination. Look at the last failure in `postroad "
        "subscriptions list`; the hub goes on by itself once the destination answers. About a provider: the same of "
        "the hosts that its datasets are fetched from; `postroad fetches list` shows what waits."
    ),
    "parked_full": (
        "As many events wait for their next attempt as may, so nothing newer is tried. Look at why they fail, or raise "
        "`max_parked` or `max_parked_bytes` of the subscription's `delivery`."
    ),
    "dead_letters": (
        "Events were given up, and are kept as dead letters. Look at why they were refused; once that is put right "
        "they can be sent again. About a provider: announced datasets that could not be fetched; `postroad fetches "
        "list` says why, `postroad fetches redrive` tries again."
    ),
    "events_expired": (
        "Events waited longer than `max_backlog_age_s` of the subscription's `delivery`, or than `log.max_bytes` had "
        "room for, and were skipped. Look at why the destination did not take them in time. About a provider: "
        "notifications were removed from the log before their datasets were fetched."
    ),
    "receiver_failing": (
        "A provider's messages cannot be received from the queue or topic that it declares in `receive`: it cannot be "
        "reached, does not take the credentials, or is not there; the detail says which. Nothing is lost meanwhile as "
        "long as the service keeps it. The hub goes on by itself once it can."
    ),
    "registry_unconfirmed": (
        "The registry has not answered for more than a minute, so nobody knows what access was taken away meanwhile, "
        "and nothing is sent; events wait. See to the database (`hub.registry_url`, or who holds `registry.db`); the "
        "hub goes on by itself. The alert is written down once the registry can be written again."
    ),
    "backlog_half": (
        "What is not delivered yet takes half of `log.max_bytes` of a shard. The detail names the subscription that "
        "waits longest, and since when: mend its destination, resume it or remove it, or raise `log.max_bytes`."
    ),
    "backlog_high": (
        "What is not delivered yet takes 80 % of `log.max_bytes` of a shard. Do now what `backlog_half` asks for: when "
        "the budget is full, the oldest events go undelivered, recorded as expired."
    ),
}

HTTP = {
    200: "The event is durably stored, or repeats one that is. Done.",
    400: "The event can never be taken as it is: do not send it again unchanged. `postroad events refused` shows it.",
    401: "The token is missing, unknown or revoked. Issue one with `postroad token issue`.",
    404: "Another path. Correct the client's URL.",
    405: "Another method; the header `Allow` says which.",
    413: "The body is longer than `ingest.body_limit_bytes`, before or after inflation.",
    500: "A defect of the hub; its log says which. Send the event again.",
    503: "The event cannot be stored now and was not kept. Send it again after the seconds in `Retry-After`.",
}

BULK_HTTP = {
    200: "Every item is durably stored: new ones now, repeats before. What could not be read is in quarantine. Done.",
    400: "The body as a whole is no JSON array. `postroad events refused` shows it.",
    401: "The token is missing, unknown, expired, revoked, or of another protocol's provider; the body was not read.",
    404: "Another path. Correct the URL at the sender.",
    405: "Another method; the header `Allow` says which.",
    413: "Longer than `ingest.bulk_limit_bytes`, also after inflation, or more items than `ingest.bulk_limit_items`.",
    500: "A defect of the hub; its log says which. Send the bulk again.",
    503: "Not all of it could be stored now. Send the whole bulk again after the seconds in `Retry-After`.",
}

ACTIONS = {
    "delivered": "It is done.",
    "retry": "The endpoint failed. All for it waits; or this event does, if each has its own schedule.",
    "renew": "The endpoint does not take our credentials: a new token is fetched, and an alert is raised.",
    "disable": "The endpoint is gone for good: the subscription is paused, and an alert is raised.",
    "split": "The bulk is too large: it is sent in halves. A single event that is too large becomes a dead letter.",
    "isolate": "Something in the bulk is refused: it is halved until that stands alone and becomes a dead letter.",
    "park": "The event failed: it waits beside the log for its next attempt, and others go on.",
    "repair": "The event will never be taken as it is: it becomes a dead letter at once, and others go on.",
}
"""What an answer asks for -> what delivery does."""

TOKEN_ERRORS = {
    "invalid_request": "No form, a field given twice, or a secret in both header and form. Correct the client.",
    "unsupported_grant_type": "Only `client_credentials` is; it may be left out.",
    "unauthorized_client": "The client's provider speaks a protocol whose entrances take no access tokens.",
    "invalid_client": "Id and secret are not a pair that is good. Issue one with `postroad token issue --client`.",
}

FETCH_HTTP = {
    200: "The newest edition of the dataset.",
    401: "The token is missing, or nobody's. Send the `UserId` of the notification as `DeviceToken`.",
    404: "No such dataset, or none for this token now: removed, expired, another user's. Do not ask again.",
    429: "Too many questions with one token, or from one address. Ask again after the seconds in `Retry-After`.",
    500: "What stands in the log cannot be read; the hub's log says why. Ask again later.",
    503: "It cannot be known now, as while the index is made anew. Ask again after the seconds in `Retry-After`.",
}

GRAPHQL_HTTP = {
    200: "The answer is in `data`. If there are `errors`, what they name by `path` is missing in it, or was not done.",
    400: "`BAD_USER_INPUT`: no JSON, no GraphQL, not of this schema, or more than is allowed; nothing was carried out.",
    401: "`UNAUTHENTICATED`: the token is missing, unknown, expired or revoked. Sign in again, or issue another.",
    403: "`FORBIDDEN`: it is not yours, or does not exist; of that operation nothing was done.",
    405: "Only `POST` is there.",
    413: "The body is longer than 750 KiB. Send lists of up to 1000 in several requests.",
    415: "The body is to be `application/json`.",
    429: "More than `limits.graphql_requests_per_s`. Ask again after the seconds in `Retry-After`.",
    500: "`INTERNAL`: a defect of the hub; its log says which.",
    503: "`INTERNAL`: it cannot be done now. Ask again a little later.",
}

PUSH_HTTP = {
    200: "Every message is durably stored, or kept in quarantine, or the request was a handshake (Event Grid). Done.",
    204: "The same, of Pub/Sub and SNS. Done.",
    400: "What the service never sends: an envelope without a message (Pub/Sub), a handshake that lacks its code.",
    401: (
        "The token, signature or secret is not the declared one, or no such provider takes pushes. Which "
        "of these is not told. Compare the provider's `receive` with what the subscription shows."
    ),
    413: "The body is longer than `ingest.bulk_limit_bytes`, or than anything that the service sends.",
    503: (
        "It was not kept, or not opened: the log has no room, a limit of rate, a key or certificate that cannot be had "
        "(`postroad receivers list`). The service sends it again, as its subscription says."
    ),
}

SIGN_IN_HTTP = {
    400: "The body is no JSON object with a text `token`. Correct the client.",
    401: (
        "Nobody may sign in by it: the account is unknown or revoked, or key, `kid`, `aud` or times are not its own. "
        "Which of these is not told. Compare with `postroad service-account list`, and look at the clock."
    ),
    413: "No assertion is that long. Correct the client.",
    429: "One address signs in too often (`limits.sign_ins_per_s`). Ask again after the seconds in `Retry-After`.",
}

OPERATIONS = {
    "push_events": "Send events in, as this provider.",
    "read_intake": "See what a provider sent, what was refused and what is in quarantine.",
    "redrive_intake": "Have what is in quarantine read again.",
    "drop_intake": "Take what is in quarantine out of it, unread.",
    "list_vehicles": "List the vehicles that an integration was granted.",
    "list_topics": "List an integration's subscriptions.",
    "list_streams": "List an integration's vehicle data streams.",
    "add_streams": "Add vehicle data streams, of vehicles that were granted.",
    "update_stream": "Change the reference of a vehicle data stream.",
    "delete_streams": "Delete vehicle data streams.",
    "read_deliveries": "See an integration's lag, attempts, dead letters and tasks.",
    "redrive_deliveries": "Have an integration's dead letters sent again; cancel that.",
    "drop_deliveries": "Give an integration's dead letters up for good.",
    "read_grants": "See which fleets and vehicles are granted to which integrations, at either end.",
    "give_grant": "Grant a fleet or vehicle to an integration, of any organization.",
    "withdraw_grant": "Withdraw such a grant, at either end.",
    "read_fleets": "See an organization's fleets and vehicles.",
    "change_fleets": "Move vehicles between an organization's fleets, delete a fleet.",
    "read_state": "See the last known values of an organization's vehicles, and so where they are.",
    "read_registry": "See what is declared, without secrets.",
    "change_registry": "Declare, pause and resume, issue and revoke keys.",
    "read_audit": "See who had what, and who changed it.",
    "erase": "Remove what is known of a vehicle or driver.",
}
