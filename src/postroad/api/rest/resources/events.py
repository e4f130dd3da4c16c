"""Events, by the id that a customer got: their whole story."""

from postroad.access.policy import Operation, Target, allowed
from postroad.administration.explanation import Course, Explainer, KeptLetter, Story
from postroad.administration.items import Place, numbers, reader_at
from postroad.api.rest import reach
from postroad.api.rest.call import Call
from postroad.api.rest.resources import showing
from postroad.api.rest.resources.attempts import shown as shown_attempt
from postroad.api.rest.resources.showing import instant
from postroad.api.rest.routes import Resource
from postroad.api.rest.types.explanation import EventLetter, Explanation, Intake, Route
from postroad.clock import from_us
from postroad.errors import NotFound

events = Resource("events", "Events, by the id that a customer got.")


@events.get("/events/{event}/explanation", Operation.READ_DELIVERIES)
def explain_event(call: Call, event: str) -> Explanation:
    """Tell the story of an event: who brought it, to whom it went or why not, and each attempt.

    An event is named by the id that a customer got, or, as SHARD:POSITION, by its item. An integration is told what
    became of it for its own subscriptions, and that there is such an event only if it was to have it.
    """
    place = _place(event)
    mine = reach.subscription_ids(call)
    with call.services.readers.lend() as shards:
        explainer = Explainer(call.registry, call.view, reader_at(shards, place))
        story = explainer.explain(place, subscription_ids=mine)
    source = _source_of(story)
    sees_intake = call.may(source) and allowed(call.principal, Operation.READ_INTAKE, source)
    courses = [one for one in story.courses if sees_intake or one.concerns_it]
    if not sees_intake and not courses:
        raise NotFound("there is no such event")
    return Explanation(
        item=str(place),
        received=from_us(story.came_in.received_us),
        intake=_intake(story) if sees_intake else None,
        routes=[_route(call, one) for one in courses],
    )


def _place(event: str) -> Place:
    try:
        return Place.read(event) if ":" in event else Place.of_event(*numbers(event, count=1))
    except ValueError:
        raise NotFound("there is no such event") from None


def _source_of(story: Story) -> Target:
    """Whose item it is: its provider's; the hub's own words are those of the organization that they are about."""
    return Target(organization_id=story.organization_id, provider_id=story.came_in.provider_id)


def _intake(story: Story) -> Intake:
    came_in, stored, quarantine = story.came_in, story.stored, story.quarantine
    taken = None if quarantine is None else quarantine.resolved_by
    return Intake(
        provider_id=came_in.provider_id,
        provider=came_in.provider,
        protocol=came_in.protocol,
        kind=came_in.kind,
        request_id=came_in.request_id,
        late=came_in.late,
        ahead=came_in.ahead,
        stored=from_us(stored.stored_us),
        subject_id=stored.subject_id,
        identifiers=list(stored.identifiers),
        settings_revision=stored.settings_revision,
        unreadable=None if quarantine is None else quarantine.reason,
        resolved_by=None if taken is None else str(Place(story.place.shard, taken)),
        body=showing.body(stored.body),
    )


def _route(call: Call, one: Course) -> Route:
    return Route(
        subscription_id=one.subscription_id,
        subscription=one.subscription,
        verdict=one.verdict,
        state=one.state,
        types=list(one.types),
        event_ids=list(one.ids),
        attempts=[shown_attempt(call, attempt) for attempt in one.attempts],
        behind=None if one.behind is None else shown_attempt(call, one.behind),
        letters=[_letter(kept) for kept in one.letters],
        skips=list(one.skips),
    )


def _letter(one: KeptLetter) -> EventLetter:
    letter = one.letter
    dead = letter.dead_us is not None
    return EventLetter(
        event_id=one.event_id,
        type=one.type,
        dead=dead,
        since=instant(letter.dead_us if dead else letter.first_attempt_us),
        due=instant(letter.due_us),
        attempts=letter.attempts,
        reason=letter.reason,
        status=letter.status,
        detail=letter.detail,
    )
