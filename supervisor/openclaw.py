"""OpenClaw's gateway over HTTP: what the channel and the restarter of that name both need of it.

An answer of 200 is no success: what a tool says stands in `result.details`. Nothing here is done twice by itself.
`find` tells whether a message with a mark in it is there already: a gateway that is killed forgets what it has
accepted, and one that does not answer in time may have done it all the same.
"""

from __future__ import annotations

import asyncio
import json
import re
from enum import Enum
from typing import Annotated, Any, Self

import aiohttp
from pydantic import AfterValidator, Field, StringConstraints, model_validator
from yarl import URL

from supervisor.credentials import Credential, CredentialError, TokenKeys

_SHOWN = 300  # characters of the gateway's words that an error quotes
_HISTORY = 50  # messages that are looked through
_ANSWER_LIMIT = 4 << 20  # bytes
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SENT = frozenset({"accepted", "ok", "no_reply", "queued", "timeout"})
_LOST = frozenset({"interrupted", "cancelled"})
_NOT_ALLOWED = "Tool not available: "


def _address(text: str) -> str:
    url = URL(text)
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.password or url.query_string:
        raise ValueError("expected the gateway's http or https address, such as http://127.0.0.1:18789")
    return text.rstrip("/")


AgentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class GatewayKeys(TokenKeys):
    """Keys for a gateway. Its token opens everything that OpenClaw may do: it belongs in a file of mode 0600."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        default="http://127.0.0.1:18789", description="The gateway's address."
    )

    @property
    def key(self) -> Credential:
        """Where the token is."""
        if self.token is None:
            raise ValueError("the gateway needs its token: set token_file, token_env or token_credential")
        return self.token

    @model_validator(mode="after")
    def _has_token(self) -> Self:
        _ = self.key
        return self


class GatewayError(Exception):
    """The gateway did not do it.

    Args:
        permanent: it will not, until somebody changes a setting, which the text names.
        retry_after: its own wish (s).
    """

    def __init__(self, text: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.retry_after = retry_after


class Trace(Enum):
    """What became of a message."""

    ABSENT = "absent"
    QUEUED = "queued"
    STARTED = "started"


def session_of(agent: str) -> str:
    """Return the key of an agent's main session."""
    return f"agent:{agent}:main"


class Gateway:
    """Speaks to one gateway; `timeout` (s) bounds one request."""

    def __init__(self, keys: GatewayKeys, timeout: float) -> None:
        self._url = keys.url
        self._token = keys.key
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def find(self, session: str, mark: str) -> Trace:
        """Return what became of the message that holds `mark`. Raises GatewayError, also for an unknown agent."""
        details = await self._tool("sessions_history", session, {"sessionKey": session, "limit": _HISTORY})
        if details.get("status") == "error":
            if str(details.get("error", "")).startswith("No session found"):
                return Trace.ABSENT  # nobody has spoken with that agent yet
            raise GatewayError(_said(details), permanent=True)
        if any(mark in json.dumps(message, ensure_ascii=False) for message in _list(details, "messages")):
            return Trace.STARTED
        for item in _list(details.get("pendingInputs"), "items"):
            if mark in json.dumps(item, ensure_ascii=False) and str(item.get("state")) not in _LOST:
                return Trace.QUEUED
        return Trace.ABSENT

    async def send(self, session: str, text: str) -> None:
        """Have the agent of `session` take `text` up when it can: accepted is not read. Raises GatewayError."""
        # From the target's own session and without waiting, it costs one turn of its model; else up to seven.
        details = await self._tool(
            "sessions_send", session, {"sessionKey": session, "message": text, "timeoutSeconds": 0}
        )
        if str(details.get("status")) not in _SENT and details.get("sentBeforeError") is not True:
            raise GatewayError(_said(details), permanent=True)

    async def reset(self, session: str) -> None:
        """Abort what the agent of `session` does, and forget what it was about. Raises GatewayError."""
        beside = f"{session.rpartition(':')[0]}:supervisor"  # no session may reset itself
        details = await self._tool("sessions", beside, {"action": "reset", "sessionKey": session})
        if details.get("ok") is not True:
            raise GatewayError(_said(details), permanent=True)

    async def hook(self, token: Credential, agent: str, text: str, key: str) -> None:
        """Have `agent` run with `text`, once for each `key`; return once it has begun. Raises GatewayError."""
        # A run takes as long as its model does, minutes at times: nobody waits for its end, which would say no more.
        body = {"message": text, "agentId": agent, "deliver": False}
        answer = await self._post("/hooks/agent", token, body, {"Idempotency-Key": key})
        if answer.get("ok") is not True:
            raise GatewayError(f"the agent's run has not begun: {_said(answer)}")

    # --- inside ---

    async def _tool(self, tool: str, session: str, args: dict[str, Any]) -> dict[str, Any]:
        answer = await self._post("/tools/invoke", self._token, {"tool": tool, "sessionKey": session, "args": args})
        result = answer.get("result")
        details = result.get("details") if isinstance(result, dict) else None
        if not isinstance(details, dict):
            raise GatewayError(f"{self._url} does not answer as OpenClaw's gateway does", permanent=True)
        if details.get("status") == "forbidden":
            raise GatewayError(f"{tool} is forbidden: {_said(details)}", permanent=True)
        return details

    async def _post(
        self, path: str, token: Credential, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            secret = await asyncio.to_thread(token.read)
            async with self._open().post(
                f"{self._url}{path}",
                json=body,
                headers={**(headers or {}), "Authorization": f"Bearer {secret}"},
                allow_redirects=False,
            ) as answer:
                data = await _whole(answer.content)
        except CredentialError as error:
            raise GatewayError(str(error), permanent=True) from None
        except TimeoutError:
            raise GatewayError(f"the gateway has not answered within {self._timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or error.os_error
            raise GatewayError(f"no gateway at {error.host}:{error.port}: {why}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise GatewayError(f"{type(error).__name__}: {_line(str(error))}") from None
        return self._judge(path, answer, _object(data))

    def _judge(self, path: str, answer: aiohttp.ClientResponse, said: dict[str, Any] | None) -> dict[str, Any]:
        if answer.status in {200, 202}:
            if said is None:  # its control page answers whatever it does not know
                raise GatewayError(f"{self._url} does not answer as OpenClaw's gateway does", permanent=True)
            return said
        error = (said or {}).get("error")
        words = _line(str(error.get("message", "")) if isinstance(error, dict) else "")
        what = f"HTTP {answer.status}{f': {words}' if words else ''}"
        if answer.status in _BUSY:
            wish = answer.headers.get("Retry-After", "")
            raise GatewayError(what, retry_after=float(wish) if re.fullmatch(r"[0-9]{1,4}", wish) else None)
        if words.startswith(_NOT_ALLOWED):
            tool = words.removeprefix(_NOT_ALLOWED)
            what = f"OpenClaw does not allow {tool} over HTTP: add it to gateway.tools.allow in its configuration"
        elif answer.status in {401, 403}:
            key = "hooks.token" if path.startswith("/hooks") else "gateway.auth.token"
            what = f"OpenClaw refuses the token ({what}): it must be the one of {key} in its configuration"
        elif path.startswith("/hooks"):
            what = f"{what}: see hooks.enabled and hooks.allowedAgentIds in OpenClaw's configuration"
        raise GatewayError(what, permanent=True)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                # It ends connections that rest for 5 s: one that is taken up again just then would be reset.
                connector=aiohttp.TCPConnector(limit=4, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _whole(content: aiohttp.StreamReader) -> bytes:
    """Return all of an answer, which may come in pieces; of a longer one than the limit too little to be read."""
    data = bytearray()
    async for piece in content.iter_any():
        data += piece
        if len(data) > _ANSWER_LIMIT:
            break
    return bytes(data)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _list(holder: Any, key: str) -> list[dict[str, Any]]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _said(details: dict[str, Any]) -> str:
    return _line(str(details.get("error") or details.get("status") or "no reason given"))


def _line(text: str) -> str:
    """Return the words of a stranger on one line, without characters that a terminal would obey."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _SHOWN])
    return " ".join(plain.split())[:_SHOWN]
