"""What waits, or is to be tried again, is told to nobody after an acknowledgement, or in a silence."""

from __future__ import annotations

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Accepted, Failed
from tests.support.readers import arises, came, passes, people
from tests.support.world import VIRTUAL

pytestmark = VIRTUAL


async def test_nobody_is_told_after_an_acknowledgement() -> None:
    async with people() as t:
        arises(t, "a:stalled", severity=Severity.WARNING)
        await t.sleep("5s")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 600.0)
        await t.sleep("5m")
        assert t.heard() == []
        await t.sleep("6m")
        assert [kind for _, kind, _ in t.heard()] == ["ack_expired"]


async def test_a_try_under_way_at_an_acknowledgement_is_the_last() -> None:
    async with people() as t:
        t.channel().takes = 3.0
        t.channel().answers = [Failed("down")]
        arises(t, "a:heartbeat")
        await t.sleep("1s")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 1800.0)
        await t.sleep("25m")
        assert t.channel().heard == []
        assert len(t.channel().tries) == 1
        await t.sleep("30m")
        assert t.channel().kinds()[:1] == ["ack_expired"]


async def test_who_may_have_heard_before_an_acknowledgement_hears_the_end() -> None:
    async with people() as t:
        t.channel().takes = 3.0
        t.channel().answers = [Failed("it was taken, but the answer was lost")]
        arises(t, "a:heartbeat")
        await t.sleep("1s")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 1800.0)
        await t.sleep("1m")
        passes(t, "a:heartbeat")
        await t.sleep("1m")
        assert t.channel().kinds() == ["resolved"]


async def test_a_try_under_way_at_an_acknowledgement_is_the_last_though_it_is_over_meanwhile() -> None:
    async with people() as t:
        t.channel().takes = 3.0
        t.channel().answers = [Failed("down")]
        arises(t, "a:heartbeat")
        await t.sleep("1s")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 1800.0)
        passes(t, "a:heartbeat")
        await t.sleep("1m")
        assert t.channel().kinds() == ["resolved"]


async def test_what_a_program_has_accepted_is_not_sent_again_after_an_acknowledgement() -> None:
    async with people() as t:
        t.channel().usually = Accepted(30.0)
        arises(t, "a:heartbeat")
        await t.sleep("5s")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 1800.0)
        await t.sleep("10m")
        assert len(t.channel().tries) == 1


async def test_a_silence_keeps_back_what_waits_for_company() -> None:
    async with people() as t:
        arises(t, "a:stalled", severity=Severity.WARNING)
        await t.sleep("5s")
        await t.control.silence("a", 1800.0, "ann", "maintenance")
        await t.sleep("29m")
        assert t.heard() == []
        await t.sleep("2m")
        assert t.channel().kinds() == ["silence_ended"]


async def test_a_silence_keeps_back_what_is_to_be_tried_again() -> None:
    async with people() as t:
        t.channel().answers = [Failed("down")]
        arises(t, "a:heartbeat")
        await t.sleep("2s")
        await t.control.silence("a", 1800.0, "ann", "maintenance")
        await t.sleep("29m")
        assert (t.heard(), len(t.channel().tries)) == ([], 1)
        await t.sleep("2m")
        assert t.channel().kinds() == ["silence_ended"]


async def test_what_a_silence_took_back_is_told_at_its_end_and_not_at_the_next_try() -> None:
    async with people() as t:
        t.channel().answers = [Failed("down", retry_after=900.0)]
        arises(t, *(f"a{number}:heartbeat" for number in range(250)))
        await t.sleep("2s")
        await t.control.silence("a*", 60.0, "ann", "maintenance")
        await t.sleep("1s")
        assert [one for one in t.daemon.desk.deliveries.values() if one.channel == "caine"] == []
        begun = t.t
        await t.sleep("2m")
        assert {(kind, number) for _, kind, number in came(t, begun)} == {("silence_ended", 250)}
        assert came(t, begun)[0][0] < 62.0


async def test_a_silence_during_a_try_makes_it_the_last() -> None:
    async with people() as t:
        t.channel().takes = 3.0
        t.channel().answers = [Failed("down")]
        arises(t, "a:heartbeat", "b:heartbeat")
        await t.sleep("1s")
        await t.control.silence("a", 1800.0, "ann", "maintenance")
        await t.sleep("10m")
        assert [said.delivery.message["counts"]["total"] for said in t.channel().heard[:1]] == [1]
        assert {said.delivery.message.get("key", "b:heartbeat") for said in t.channel().heard} == {"b:heartbeat"}
        await t.sleep("25m")
        assert "silence_ended" in t.channel().kinds()


async def test_what_a_silence_by_mistake_took_back_is_told_once() -> None:
    async with people() as t:
        begun = t.t
        arises(t, "a:stalled", severity=Severity.WARNING)
        await t.sleep("5s")
        silence = await t.control.silence("a", 1800.0, "ann", "a slip")
        await t.control.unsilence(silence.silence.id, "ann")
        await t.sleep("2m")
        assert came(t, begun) == [(35.0, "silence_ended", 1)]
