"""What monitoring reads off the supervisor: put together here, and shown by the faces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from supervisor.domain.counters import Counters
from supervisor.domain.fleet import Fleet
from supervisor.domain.readings import Readings
from supervisor.domain.records import Record
from supervisor.formats.activity import Activity
from supervisor.runtime.configuration import Configuration
from supervisor.runtime.measures import Measures
from supervisor.runtime.pulse import Pulse


class Instruments:
    """Counts the records that pass, and reads the rest off the parts that know it."""

    def __init__(
        self,
        configuration: Configuration,
        measures: Measures,
        pulse: Pulse,
        picture: Callable[[], Awaitable[Fleet]],
    ) -> None:
        self._counters = Counters()
        self._configuration = configuration
        self._measures = measures
        self._pulse = pulse
        self._picture = picture

    def see(self, record: Record) -> None:
        """Count a record."""
        self._counters.see(record)

    async def read(self) -> Readings:
        """Return the readings of now."""
        activity = await self._measures.activity()
        fleet = await self._picture()
        plan = self._configuration.plan
        return Readings(
            fleet,
            self._counters.now(),
            adopted={agent.name for agent in fleet.agents}.difference(plan.agents),
            channels=tuple(plan.channels),
            emails_sent=activity[Activity.EMAILS_SENT],
            payments_detected=activity[Activity.PAYMENTS_DETECTED],
            loop_lag=max(0.0, self._pulse.lag),
        )
