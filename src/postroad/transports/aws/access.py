"""How the SDK is opened by a config, and kept open."""

import asyncio
import functools
from contextlib import AsyncExitStack
from typing import Any, Final, Literal

import aiobotocore.session
from aiobotocore.config import AioConfig

from postroad.errors import ConfigError
from postroad.transports.aws.config import SnsConfig, SqsAccess
from postroad.transports.aws.role import RoleProvider

Service = Literal["sns", "sqs"]
CONNECT_TIMEOUT_S: Final = 10.0


class Client:
    """A client of one service, opened at the first use and kept. Used on one event loop only."""

    def __init__(self, service: Service, config: SnsConfig | SqsAccess, *, waits_s: float = 0.0) -> None:
        """``waits_s``: how long the service may let a request wait by intention, beside ``timeout_s``."""
        self._service = service
        self._config = config
        self._waits_s = waits_s
        self._opened: Any = None
        self._closing = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def get(self) -> Any:
        """The SDK's client; it connects with the first request. Raises ``ConfigError``, or what the SDK raises."""
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await self._open()
        return self._opened

    async def close(self) -> None:
        """Let go of connections."""
        await self._closing.aclose()

    async def _open(self) -> Any:
        config = self._config
        session = aiobotocore.session.get_session()
        if config.profile is not None:
            session.set_config_variable("profile", config.profile)
        session.register_component("data_loader", _models())
        await asyncio.to_thread(_read_models, self._service)
        options = AioConfig(
            connect_timeout=min(config.timeout_s, CONNECT_TIMEOUT_S),
            read_timeout=config.timeout_s + self._waits_s,
            retries={"total_max_attempts": 1, "mode": "standard"},  # delivery and receivers wait by their own schedules
            ignore_configured_endpoint_urls=True,  # the config says where, and no variable of the environment
        )
        create = functools.partial(
            session.create_client, region_name=config.region_name, verify=config.ca_file, config=options
        )
        given: dict[str, str | None] = {}
        if config.role_arn is not None:
            await asyncio.to_thread(_read_models, "sts")
            role = RoleProvider(
                session, config.role_arn, config, functools.partial(create, endpoint_url=config.sts_endpoint)
            )
            session.register_component("credential_provider", role)
        elif config.access_key is not None:
            given = {
                "aws_access_key_id": config.access_key,
                "aws_secret_access_key": config.secret_key,
                "aws_session_token": config.session_token,
            }
        try:
            made = create(self._service, endpoint_url=config.endpoint, **given)
            return await self._closing.enter_async_context(made)
        except OSError as exc:
            raise ConfigError("cannot be read", field="ca_file") from exc


@functools.cache
def _models() -> Any:
    """The SDK's loader of its descriptions of services, which keeps what it has read: one for all clients."""
    return aiobotocore.session.get_session().get_component("data_loader")


def _read_models(service: str) -> None:
    """Read the descriptions, a second's work, where it holds up nobody."""
    for kind in ("service-2", "endpoint-rule-set-1"):
        _models().load_service_model(service, kind)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        _models().load_data(name)
