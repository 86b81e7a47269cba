"""A storm is one message, for people; and each of its incidents keeps its own fate."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Failed
from supervisor.domain.gate import GatePolicy
from supervisor.formats.duration import parse_duration
from supervisor.runtime.sender import LINKED
from tests.support.actors import ScriptedChannel, ScriptedReader
from tests.support.readers import arises, came, passes, people
from tests.support.world import VIRTUAL, agent, near, town

pytestmark = VIRTUAL


async def test_a_storm_is_one_message_and_so_is_its_end() -> None:
    names = [f"a{number:03}" for number in range(500)]
    made = people()
    made.agents = {name: agent(None) for name in names}
    async with made as t:
        for name in names:
            t.beat(name)
            await t.sleep("0.001s")
        await t.until("80m")
        (storm,) = t.channel().heard
        assert storm.delivery.message["counts"]["total"] == 500
        assert storm.delivery.message["counts"]["cause"] == {"heartbeat": 500}
        sent = t.logged("notification_sent", channel="caine")
        assert len({record.incident for record in sent}) == 500
        assert {record.group for record in sent} == {storm.delivery.id}
        assert len(t.channel("clerk").heard) == 500
        assert {record.group for record in t.logged("notification_sent", channel="clerk")} == {None}
        t.beat(*names)
        await t.sleep("10s")
        assert [said.kind.value for said in t.channel().heard] == ["triggered", "resolved"]
        assert t.channel().heard[1].delivery.message["counts"]["resolved"] == 500
        assert t.daemon.desk.deliveries == {}


async def test_a_lone_critical_incident_is_told_at_once_as_it_always_was() -> None:
    async with people() as t:
        arises(t, "a:heartbeat")
        await t.sleep("0.3s")
        (said,) = t.channel().heard
        assert said.delivery.message["type"] == "AGENT_ESCALATION"
        assert said.delivery.id.startswith(said.delivery.incident)
        assert t.logged("notification_sent", channel="caine")[0].group is None


async def test_a_warning_waits_for_others_and_goes_with_the_first_critical_one() -> None:
    async with people() as t:
        arises(t, "a:stalled", severity=Severity.WARNING)
        await t.sleep("10s")
        assert t.heard() == []
        assert [kind for _, kind, _ in t.heard("clerk")] == ["triggered"]
        begun = t.t
        arises(t, "b:heartbeat")
        await t.sleep("1m")
        assert came(t, begun) == [(0.2, "triggered", 2)]


async def test_a_lone_warning_is_told_after_group_wait() -> None:
    async with people() as t:
        begun = t.t
        arises(t, "a:stalled", severity=Severity.WARNING)
        await t.sleep("1m")
        assert came(t, begun) == [(30.0, "triggered", 1)]


async def test_what_is_over_within_group_wait_is_told_to_no_person() -> None:
    async with people() as t:
        arises(t, "a:stalled", "b:stalled", severity=Severity.WARNING)
        await t.sleep("10s")
        passes(t, "a:stalled", "b:stalled")
        await t.sleep("2m")
        assert t.heard() == []
        assert [kind for _, kind, _ in t.heard("clerk")] == ["triggered"] * 2 + ["resolved"] * 2


async def test_what_is_withdrawn_hurries_nobody() -> None:
    async with people() as t:
        begun = t.t
        arises(t, "a:stalled", severity=Severity.WARNING)
        arises(t, "b:heartbeat")
        passes(t, "b:heartbeat")
        await t.sleep("1m")
        assert came(t, begun) == [(30.0, "triggered", 1)]


async def test_a_warning_that_becomes_critical_waits_no_longer() -> None:
    async with people() as t:
        arises(t, "a:stalled", severity=Severity.WARNING)
        await t.sleep("5s")
        begun = t.t
        arises(t, "a:stalled")
        await t.sleep("2m")
        assert came(t, begun) == [(0.2, "triggered", 1)]
        assert t.channel().heard[0].delivery.message["severity"] == "critical"


async def test_a_critical_storm_that_trickles_is_a_message_each_few_seconds() -> None:
    async with people() as t:
        begun = t.t
        for second in range(20):
            arises(t, f"a{second}:heartbeat")
            await t.sleep("1s")
        await t.sleep("1m")
        assert [number for _, _, number in came(t, begun)] == [1, 1, 1, 5, 5, 5, 2]
        assert [at for at, _, _ in came(t, begun)] == near(0.2, 1.2, 2.2, 7.2, 12.2, 17.2, 22.2)


@pytest.mark.parametrize("group_wait", ["30s", "10m"])
async def test_warnings_and_ends_hold_back_nothing_critical(group_wait: str) -> None:
    async with people(group_wait=parse_duration(group_wait)) as t:
        for number in range(4):
            arises(t, f"a{number}:stalled", severity=Severity.WARNING)
            await t.sleep(group_wait)
            await t.sleep("1s")
        passes(t, "a0:stalled")
        await t.sleep(group_wait)
        await t.sleep("1s")
        before, begun = len(t.channel().heard), t.t
        assert before >= 5
        arises(t, "payment:heartbeat")
        await t.sleep("4s")
        assert came(t, begun)[before:] == [(0.2, "triggered", 1)]


async def test_ends_that_trickle_are_a_message_each_group_wait() -> None:
    async with people() as t:
        arises(t, *(f"a{second}:heartbeat" for second in range(40)))
        await t.sleep("2m")
        begun = t.t
        for second in range(40):
            passes(t, f"a{second}:heartbeat")
            await t.sleep("1s")
        await t.sleep("1m")
        assert [number for _, _, number in came(t, begun)][1:] == [1, 1, 1, 30, 7]


async def test_a_group_is_tried_again_under_the_same_name_without_what_is_over() -> None:
    async with people() as t:
        t.channel().answers = [Failed("not now")] * 2
        arises(t, "a:heartbeat", "b:heartbeat", "c:heartbeat")
        await t.sleep("1s")
        passes(t, "b:heartbeat")
        arises(t, "d:heartbeat")
        await t.sleep("1m")
        tries = [(said.delivery.id, said.delivery.message.get("counts", {}).get("total")) for said in t.channel().tries]
        group = tries[0][0]
        assert group.startswith("group.")
        # b may have arrived with the first try: its end is told, with the news of d.
        assert [total for name, total in tries if name == group] == [3, 2]
        assert [said.kind.value for said in t.channel().heard] == ["triggered", "resolved", "triggered"]
        passes(t, "a:heartbeat", "c:heartbeat", "d:heartbeat")
        await t.sleep("1m")
        assert t.channel().heard[-1].delivery.message["counts"]["resolved"] == 3
        assert t.daemon.desk.deliveries == {}


async def test_a_crash_changes_no_name_and_tells_nobody_twice() -> None:
    async with people() as t:
        t.channel().takes = 9.0
        arises(t, "a:heartbeat", "b:heartbeat")
        await t.sleep("1s")
        await t.kill()
        t.channel().takes = 0.0
        await t.start()
        arises(t, "c:heartbeat")
        await t.sleep("1m")
        tries = t.channel().tries
        assert tries[0].delivery.id == tries[-1].delivery.id or tries[0].delivery.id == tries[1].delivery.id
        totals = {said.delivery.id: said.delivery.message.get("counts", {"total": 1})["total"] for said in tries}
        assert sorted(totals.values()) == [1, 2]


async def test_what_was_gathered_when_the_supervisor_died_is_one_message_of_its_next_life() -> None:
    async with people() as t:
        arises(t, "a:stalled", "b:stalled", "c:stalled", severity=Severity.WARNING)
        await t.sleep("10s")
        await t.kill()
        await t.start()
        passes(t, "c:stalled")
        await t.sleep("1m")
        (said,) = t.channel().heard
        assert said.delivery.message["counts"]["total"] == 2


async def test_a_refusal_sends_each_member_to_the_next_step() -> None:
    made = town(x=agent(None), gate=GatePolicy(share=2.0), chain=(("caine", "0s"), ("person", "5m")))
    made.channels |= {"caine": ScriptedReader(usually=Failed("404", permanent=True)), "person": ScriptedReader()}
    async with made as t:
        arises(t, "a:heartbeat", "b:heartbeat")
        await t.sleep("3s")
        assert [said.delivery.message["counts"]["total"] for said in t.channel("person").heard] == [2]
        assert len(t.logged("notification_failed", channel="caine")) == 2


async def test_a_channel_that_becomes_a_file_gets_what_waits_one_by_one() -> None:
    async with people() as t:
        t.channel().usually = Failed("not now")
        arises(t, "a:heartbeat", "b:heartbeat")
        await t.sleep("2s")
        t.channels["caine"] = ScriptedChannel()
        t.channel_variants["caine"] = 1
        await t.reload()
        await t.sleep("1m")
        assert sorted(key for _, _, key in t.heard()) == ["a:heartbeat", "b:heartbeat"]


class Linker:
    """Implements `ports.Links`."""

    def __init__(self) -> None:
        self.broken = False

    async def url(self, channel: str, incidents: Sequence[str], made_at: float) -> str:
        if self.broken:
            raise PermissionError(13, "Permission denied", "ack.key")
        return f"https://x/ack/{channel}.{'.'.join(incidents)}.{made_at}"


async def test_who_reads_gets_a_link_and_a_lost_key_costs_no_notice() -> None:
    async with people() as t:
        await t.sleep("5s")  # the configuration is read once more after the start
        t.daemon.outbox.sender.links = linker = Linker()
        arises(t, "a:heartbeat")
        await t.sleep("3s")
        alone = t.channel().heard[0].delivery
        assert alone.message["ack_url"] == f"https://x/ack/caine.{alone.incident}.{alone.created_at}"
        t.channel().answers = [Failed("https://x/ack/caine.0 is what you sent")]
        arises(t, "b:heartbeat", "c:heartbeat")
        await t.sleep("10s")
        first, again = (said.delivery for said in t.channel().tries[1:])
        assert first.message == again.message
        ids = ".".join(again.message["incident_ids"])
        assert again.message["ack_url"] == f"https://x/ack/caine.{ids}.{again.created_at}"
        assert t.logged("notification_failed")[-1].error == "https://x/ack/*** is what you sent"
        linker.broken = True
        arises(t, "d:heartbeat")
        await t.sleep("3s")
        passes(t, "a:heartbeat")
        await t.sleep("1m")
        assert ["ack_url" in said.delivery.message for said in t.channel().heard] == [True, True, False, False]
        assert not any("ack_url" in said.delivery.message for said in t.channel("clerk").heard)
        linker.broken = False
        arises(t, *(f"e{number}:heartbeat" for number in range(LINKED)))
        await t.sleep("3s")
        arises(t, *(f"f{number}:heartbeat" for number in range(LINKED + 1)))
        await t.sleep("3s")
        assert ["ack_url" in said.delivery.message for said in t.channel().heard[4:]] == [True, False]
