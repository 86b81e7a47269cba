"""The floor of the API: one aiohttp handler that answers a fixed document, on a unix socket.

`python -m tests.benchmarks.bare SOCKET BYTES`
"""

from __future__ import annotations

import sys

from aiohttp import web


def main() -> None:
    """Serve until killed."""
    path, size = sys.argv[1:]
    text = '{"text": "' + "x" * (int(size) - 12) + '"}'

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    app = web.Application()
    app.router.add_get("/", answer)
    web.run_app(app, path=path, access_log=None, print=lambda *_: None)


if __name__ == "__main__":
    main()
