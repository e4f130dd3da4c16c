"""The usual home-made build, as the yardstick: what a capable team writes in its first week.

FastAPI and pydantic take the event in, SQLAlchemy commits a row for it before the answer, a token is looked up in the
same database. With HOMEMADE_CUSTOMER set, each event becomes a Celery task on Redis, which POSTs it (``tasks``).
"""

import datetime as dt
import hashlib
import os
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tasks import deliver

DELIVERS = "HOMEMADE_CUSTOMER" in os.environ
_SAVED = {"status": True, "description": "Successfully saved."}


class Base(DeclarativeBase):
    """The tables."""


class ProviderToken(Base):
    """Who may send."""

    __tablename__ = "provider_token"
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    provider_id: Mapped[int]


class EventRow(Base):
    """A row per event; a repeat breaks the unique key."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int]
    plate: Mapped[str]
    recorded: Mapped[dt.datetime]
    kind: Mapped[str]
    body: Mapped[str]
    __table_args__ = (sa.UniqueConstraint("provider_id", "plate", "recorded", "kind"),)


class InnerEvent(BaseModel):
    """What happened."""

    type: Literal[
        "GPS", "IGN", "IDLING", "SOS", "OVER_SPEED", "LOW_BATTERY", "DOOR", "DRIVER_ID", "GPS_SIGNAL", "HARSH_BEHAVIOR"
    ]
    status: bool | int | None = None
    duration: int | None = None
    driver_id: str | None = None
    magnitude: float | None = None


class Injection(BaseModel):
    """The body of one request."""

    plate: Annotated[str, Field(min_length=1, max_length=64)]
    buff: bool = False
    datetime: dt.datetime
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    speed: Annotated[float, Field(ge=0, le=300)]
    azimuth: Annotated[float, Field(ge=0, le=360)]
    altitude: float | None = None
    state: Annotated[str, Field(min_length=1, max_length=64)]
    event: InnerEvent
    ign_input: bool = False
    doors: bool | None = None
    gps_status: bool | None = None
    odometer: Annotated[float, Field(ge=0)]
    hourmeter: Annotated[float, Field(ge=0)] | None = None
    battery: Annotated[float, Field(ge=0, le=100)] | None = None
    power_supply: Annotated[float, Field(ge=0, le=60)] | None = None
    temperature1: float | None = None
    temperature2: float | None = None
    temperature3: float | None = None
    fuel_percentage: Annotated[float, Field(ge=0, le=100)] | None = None
    mcc: int | None = None
    mnc: int | None = None
    lac: int | None = None
    cid: int | None = None


engine = sa.create_engine(f"sqlite:///{os.environ['HOMEMADE_DATABASE']}", connect_args={"timeout": 30})


@sa.event.listens_for(engine, "connect")
def _durable(connection: Any, _record: Any) -> None:
    """The same promise as the hub's: what was answered with 200 is synced."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


Base.metadata.create_all(engine)
with Session(engine) as first_session:
    digest = hashlib.sha256(os.environ["HOMEMADE_TOKEN"].encode()).digest()
    first_session.merge(ProviderToken(sha256=digest, provider_id=1))
    first_session.commit()

app = FastAPI()


@app.exception_handler(RequestValidationError)
def refuse(_request: Request, _error: RequestValidationError) -> JSONResponse:
    """As the vendor documents it."""
    return JSONResponse({"status": False, "description": "Invalid"}, 400)


@app.post("/provider/event/new/")
async def take_in(injection: Injection, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
    """Durable first, then 200.

    The database blocks the event loop. As plain ``def``, in FastAPI's forty threads, it was slower still: the threads
    fight for SQLite's one write lock.
    """
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    with Session(engine, expire_on_commit=False) as session:
        token = session.get(ProviderToken, digest)
        if token is None:
            raise HTTPException(401)
        row = EventRow(
            provider_id=token.provider_id,
            plate=injection.plate,
            recorded=injection.datetime,
            kind=injection.event.type,
            body=injection.model_dump_json(),
        )
        session.add(row)
        try:
            session.commit()
        except sa.exc.IntegrityError:
            return _SAVED
    if DELIVERS:
        deliver.delay(row.id, injection.model_dump(mode="json"))
    return _SAVED
