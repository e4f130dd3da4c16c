"""What came in by this protocol goes out by it whole, but for the tokens and URLs, which are the hub's.

The sender's tokens are its own credentials; its URLs and where it stores things say them too. All else stays, also
what nobody knows, and the sender's own ``Timestamp``: by it receivers tell the newer of two notifications.
"""

import msgspec

from postroad.protocols.damoov.identity import accident_id, canonical, track_token
from postroad.protocols.damoov.kinds import DATASET_OF, DatasetKind
from postroad.protocols.damoov.options import Options
from postroad.protocols.damoov.paths import place_of
from postroad.protocols.damoov.rewrite import Rule, Rules, by, dropped, each, into, rewritten, to
from postroad.protocols.damoov.said import Said
from postroad.protocols.damoov.wire.notification import RemovedTrack

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def relay(said: Said, provider_id: int, token: str, options: Options) -> bytes | None:
    """The notification in the hub's tokens; None where a URL is needed and there is none to give."""
    kind = DATASET_OF.get(said.event)
    if kind is None:
        mine = (
            token
            if said.object_id == canonical(said.notification.user_id)
            else track_token(provider_id, said.object_id)
        )
        url = to(None) if said.event == "HeartbeatReceived" else dropped
        about: Rules = {"id": to(mine), "url": url, "uri": url}
    else:
        object_id = object_of(kind, provider_id, said.object_id)
        place = place_of(options, kind, device_token=token, object_id=object_id)
        if place is None:
            return None
        url = to(place)
        about = {"id": to(object_id), "url": url, "uri": url}
    rules = {"userid": to(token), "object": into(about), "details": into(_details(said, provider_id, options))}
    return bytes(rewritten(notification_of(said), rules))


def relay_dataset(said: Said, provider_id: int, token: str) -> bytes | None:
    """The dataset in the hub's tokens; None for an item that has none."""
    kind = DATASET_OF.get(said.event)
    if said.dataset is None or kind is None:
        return None
    answer = _MEMBERS.decode(said.raw)["Dataset"]
    mine = to(object_of(kind, provider_id, said.object_id))
    if kind in ("accident", "accident_extra"):
        return bytes(rewritten(answer, {"id": mine, "result": into({"id": mine})}))
    tokens: Rules = {"tracktoken": mine, "devicetoken": to(token)}
    within = {"track": into(tokens), "tripdata": into(tokens), "s3location": dropped, "tracktoken": mine}
    return bytes(rewritten(answer, {"track": into(tokens), "result": into(within)}))


def notification_of(said: Said) -> bytes:
    """The bytes of an item's notification, without blanks."""
    if said.dataset is None and said.withdrawn is None:
        return said.raw
    return bytes(_MEMBERS.decode(said.raw)["Notification"])


def object_of(kind: DatasetKind, provider_id: int, key: str) -> str:
    """The hub's name of what a dataset is about."""
    return (accident_id if kind in ("accident", "accident_extra") else track_token)(provider_id, key)


def _details(said: Said, provider_id: int, options: Options) -> Rules:
    """An item that withdraws one track tells of that one only."""

    def named(token: str) -> str:
        return track_token(provider_id, canonical(token))

    removed: Rule = each({"id": by(named)})
    if said.withdrawn is not None:
        removed = to([RemovedTrack(id=named(said.withdrawn), type="RichTrack")])
    instance: Rule = dropped if options.instance_id is None else to(options.instance_id)
    return {"tracksremoved": removed, "instanceid": instance}
