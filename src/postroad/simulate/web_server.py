"""What all simulated ends of a protocol have in common: a web server that listens, tells its URL, and stops."""

from ssl import SSLContext

import aiohttp.web


class WebServer:
    """One application on one port; give it routes by ``application``."""

    def __init__(self) -> None:
        """It does not listen yet."""
        self._runner: aiohttp.web.AppRunner | None = None

    def application(self) -> aiohttp.web.Application:
        """What answers requests, made anew at each start."""
        raise NotImplementedError

    async def start(self, ssl_context: SSLContext | None, *, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the base URL. Without a context it is plain HTTP, which only a test may want."""
        self._runner = aiohttp.web.AppRunner(self.application(), access_log=None)
        await self._runner.setup()
        await aiohttp.web.TCPSite(self._runner, host, port, ssl_context=ssl_context).start()
        return f"{'https' if ssl_context else 'http'}://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
