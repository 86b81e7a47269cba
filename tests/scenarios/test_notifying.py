"""Who is told, when, and that each of them hears the end."""

from __future__ import annotations

from supervisor.domain.delivery import Delivered, Failed
from supervisor.domain.gate import GatePolicy
from supervisor.domain.policy import Chain, Step
from tests.support.world import VIRTUAL, VirtualTown, agent, near, town

pytestmark = VIRTUAL

CHAIN = (("caine", "0s"), ("person", "5m"), ("second", "15m"))
NO_FLEET = GatePolicy(share=2.0)
"""However many agents fall silent at once, each is judged for itself."""

OPENED = 75 * 60.0
"""When an agent without a restarter, that beat at the start, is escalated."""


def minutes(t: VirtualTown, channel: str) -> list[int]:
    """Return at which minutes after the incident was opened a channel was told of it."""
    return [round((at - OPENED) / 60) for at, kind, _ in t.heard(channel) if kind != "resolved"]


async def test_the_chain_climbs_repeats_and_slows_down() -> None:
    async with town(a=agent(None), chain=CHAIN) as t:
        t.beat("a")
        await t.until("16h")
        rounds = [0, 30, 60, 90, 120, 150, 405, 660]
        assert minutes(t, "caine") == rounds
        assert minutes(t, "person") == [at + 5 for at in rounds]
        assert minutes(t, "second") == [at + 15 for at in rounds]
        kinds = [kind for _, kind, _ in t.heard("caine")]
        assert kinds == ["triggered"] + ["repeated"] * 7
        t.beat("a")
        await t.sleep("1s")
        assert [t.heard(name)[-1][1] for name in ("caine", "person", "second")] == ["resolved"] * 3


async def test_who_was_not_told_of_the_beginning_is_not_told_of_the_end() -> None:
    async with town(a=agent(None), chain=CHAIN) as t:
        t.beat("a")
        await t.until("77m")
        t.beat("a")
        await t.until("2h")
        assert [kind for _, kind, _ in t.heard("caine")] == ["triggered", "resolved"]
        assert t.heard("person") == t.heard("second") == []


async def test_an_acknowledgement_stops_the_chain_until_it_expires() -> None:
    async with town(a=agent(None), chain=CHAIN) as t:
        t.beat("a")
        await t.until("76m")
        (incident,) = (await t.control.fleet()).incidents
        await t.control.acknowledge(incident.id, "me", 1800.0)
        await t.until("106m")
        assert minutes(t, "caine") == [0]
        assert t.heard("person") == []
        await t.until("107m")
        assert t.heard("caine")[-1] == (near(106 * 60), "ack_expired", "a:heartbeat")
        await t.until("112m")
        assert len(t.heard("person")) == 1
        assert [record.by for record in t.logged("incident_acknowledged")] == ["me"]


async def test_a_silence_keeps_quiet_and_its_end_tells_what_still_fires() -> None:
    async with town(a=agent(None), b=agent(None)) as t:
        t.beat("a")
        await t.control.silence("a", 2 * 3600.0, "me", "works on it")
        await t.sleep("5m")
        t.beat("b")
        await t.until("119m")
        assert [key for _, _, key in t.heard()] == ["b:heartbeat"]
        assert "silenced" in (await t.view("a")).modifiers
        await t.until("121m")
        assert t.heard()[-1] == (near(7200), "silence_ended", "a:heartbeat")
        assert len(t.logged("silence_ended")) == 1


async def test_a_silence_that_a_person_ends() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        silence = await t.control.silence("a:*", 8 * 3600.0, "me", "works on it")
        await t.until("80m")
        assert t.heard() == []
        await t.control.unsilence(silence.silence.id, "me")
        await t.sleep("1s")
        assert t.heard() == [(near(4800), "silence_ended", "a:heartbeat")]
        assert t.control.silences().kept == ()


async def test_what_is_over_before_the_silence_ends_is_told_to_nobody() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.control.silence("*", 2 * 3600.0, "me", "move")
        await t.until("80m")
        t.beat("a")
        await t.until("125m")
        assert t.heard() == []


async def test_a_failing_channel_is_tried_again_after_5_15_45_120_and_300_seconds() -> None:
    async with town(a=agent(None)) as t:
        t.channel().usually = Failed("connection refused")
        t.beat("a")
        await t.until("90m")
        tried = [round(said.at - t.born - OPENED) for said in t.channel().tries]
        assert tried[:7] == [0, 5, 20, 65, 185, 485, 785]
        assert len({said.delivery.id for said in t.channel().tries}) == 1
        assert [record.attempts for record in t.logged("notification_failed")][:3] == [1, 2, 3]


async def test_retry_after_is_honoured() -> None:
    async with town(a=agent(None)) as t:
        t.channel().answers = [Failed("busy", retry_after=60.0)]
        t.beat("a")
        await t.until("80m")
        assert [at for at, _, _ in t.heard()] == [near(OPENED + 60)]


async def test_a_dead_channel_is_an_incident_of_its_own_and_resolves() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.channel().usually = Failed("connection refused")
        t.beat("a")
        await t.until("90m")
        assert await t.keys() == {"a:heartbeat", "supervisor:channel.caine"}
        told = [(kind, key) for _, kind, key in t.heard("person")]
        assert ("triggered", "supervisor:channel.caine") in told
        t.channel().usually = Delivered()
        await t.until("94m")
        assert await t.keys() == {"a:heartbeat"}
        assert t.heard("person")[-1][1:] == ("resolved", "supervisor:channel.caine")
        t.beat("a")
        await t.sleep("1s")
        kinds = [kind for _, kind, _ in t.heard("caine")]
        assert (kinds[0], kinds[-1]) == ("triggered", "resolved")
        assert kinds.count("triggered") == kinds.count("resolved") == 1


async def test_a_dead_channel_does_not_pile_up_what_it_never_took() -> None:
    async with town(a=agent(None)) as t:
        t.channel().usually = Failed("connection refused")
        t.beat("a")
        await t.until("72h")
        assert len(t.daemon.desk.deliveries) == 1
        t.channel().usually = Delivered()
        await t.sleep("6m")
        assert [kind for _, kind, _ in t.heard()] == ["triggered"]


async def test_a_permanent_refusal_goes_to_the_next_step_at_once() -> None:
    async with town(a=agent(None), chain=CHAIN) as t:
        t.channel().usually = Failed("404", permanent=True)
        t.beat("a")
        await t.until("76m")
        assert t.heard("person")[0] == (near(OPENED), "triggered", "a:heartbeat")
        assert len([said for said in t.channel().tries if said.delivery.message["key"] == "a:heartbeat"]) == 1
        await t.until("84m")
        assert [key for _, _, key in t.heard("second")] == []
        await t.until("100m")
        assert [round((at - OPENED) / 60) for at, _, key in t.heard("second") if key == "a:heartbeat"] == [10]


async def test_a_slow_channel_delays_neither_others_nor_the_supervision() -> None:
    async with town(a=agent(None), b=agent(), chain=(("caine", "0s"), ("person", "0s"))) as t:
        t.channel().takes = 3600.0
        t.beat("a")
        await t.until("15m")
        t.beat("b")
        await t.until("80m")
        assert t.heard("person") == [(near(OPENED), "triggered", "a:heartbeat")]
        assert t.restarts("b") == [near(OPENED)]
        failed = t.logged("notification_failed")[0]
        assert (failed.t, failed.error) == (near(OPENED + 10), "no answer within 10 s")


async def test_a_channel_that_raises_has_failed() -> None:
    async with town(a=agent(None)) as t:
        t.channel().answers = [KeyError("bug")]
        t.beat("a")
        await t.until("76m")
        assert t.logged("notification_failed")[0].error == "KeyError: 'bug'"
        assert [kind for _, kind, _ in t.heard()] == ["triggered"]


async def test_a_notice_that_may_have_arrived_is_followed_by_its_end() -> None:
    """The answer was lost, the agent came back meanwhile, and the channel is shaky."""
    async with town(a=agent(None)) as t:
        t.channel().answers = [TimeoutError(), Failed("shaky"), Failed("shaky")]
        t.beat("a")
        await t.until("75m1s")
        t.beat("a")
        await t.until("90m")
        assert [kind for _, kind, _ in t.heard()] == ["triggered", "resolved"]


async def test_the_last_word_is_the_end() -> None:
    """A repetition that waits for its next try must not come after the end."""
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "10m"))) as t:
        t.beat("a")
        await t.until("94m")
        t.channel().answers = [Failed("not now")] * 2
        await t.until("95m6s")
        t.beat("a")
        await t.until("2h")
        assert [kind for _, kind, _ in t.heard()] == ["triggered", "resolved"]


async def test_what_nobody_began_to_send_is_withdrawn() -> None:
    async with town(a=agent(None), b=agent(None), gate=NO_FLEET) as t:
        t.channel().takes = 9.0
        t.beat("a", "b")
        await t.until("75m2s")
        assert len(t.channel().tries) == 1
        t.beat("a", "b")
        await t.until("80m")
        heard = {(kind, key) for _, kind, key in t.heard()}
        first = t.channel().heard[0].delivery.message["key"]
        assert heard == {("triggered", first), ("resolved", first)}


async def test_a_test_message_goes_through_each_channel_and_changes_nothing() -> None:
    async with town(a=agent(None), chain=(("caine", "0s"), ("person", "5m"))) as t:
        t.channel("person").usually = Failed("no route")
        outcomes = await t.control.test_notify(None, "me")
        assert outcomes == {"caine": Delivered(), "person": Failed("no route")}
        assert t.channel().heard[0].delivery.message["type"] == "SUPERVISOR_TEST"
        assert await t.keys() == set()


async def test_nobody_hears_what_the_journal_could_forget() -> None:
    async with town(a=agent(None)) as t:
        t.disk.latency = 1.0
        t.beat("a")
        await t.until("75m0.9s")
        assert t.channel().tries == []
        await t.until("75m4s")
        assert len(t.channel().tries) == 1
        written = {delivery.id for entry in t.disk.entries for delivery in entry.deliveries}
        assert t.channel().tries[0].delivery.id in written


async def test_an_incident_that_found_no_chain_is_told_when_one_is_configured() -> None:
    async with town(a=agent(None), chain=()) as t:
        t.beat("a")
        await t.until("80m")
        assert await t.keys() == {"a:heartbeat"}
        t.chain, t.channel_variants = Chain((Step("caine"),)), {"caine": 0}
        await t.reload()
        await t.sleep("1s")
        assert t.heard() == [(near(4800), "triggered", "a:heartbeat")]


async def test_each_delivery_has_one_name_for_all_its_tries() -> None:
    async with town(a=agent(None), chain=CHAIN) as t:
        t.channel().answers = [Failed("no")] * 4
        t.beat("a")
        await t.until("3h")
        tries = [said.delivery for name in ("caine", "person", "second") for said in t.channel(name).tries]
        names = {(delivery.id, delivery.channel, delivery.kind) for delivery in tries}
        assert len(names) == len({delivery.id for delivery in tries})
        assert all(delivery.message["delivery"] == delivery.id for delivery in tries)


async def test_an_incident_that_grows_worse_shows_how_it_stands_and_tells_nobody_anew() -> None:
    async with town(a=agent(None)) as t:
        t.beat("a")
        await t.until("76m")
        (first,) = t.control.open_incidents()
        assert first.summary.endswith("2 misses in a row")
        await t.until("106m")
        (later,) = t.control.open_incidents()
        assert (later.id, later.evidence["consecutive_misses"]) == (first.id, 4)
        assert later.summary.endswith("4 misses in a row")
        assert len(t.heard()) == len(t.logged("incident_opened")) == 1


async def test_the_rounds_of_a_single_step_are_five_minutes_apart() -> None:
    async with town(a=agent(None), max_rounds=5) as t:
        t.beat("a")
        await t.until("10h")
        assert minutes(t, "caine") == [0, 5, 10, 15, 20, 25, 265, 505]


async def test_a_channel_s_own_time_counts_where_it_is_longer() -> None:
    async with town(a=agent(None)) as t:
        t.channel().timeout = 60.0
        t.channel().takes = 45.0
        t.channel_variants = {"caine": 1}
        await t.reload()
        t.beat("a")
        await t.until("77m")
        assert len(t.logged("notification_sent")) == 1
        t.channel().takes = 90.0
        t.beat("a")
        await t.until("79m")
        assert [record.error for record in t.logged("notification_failed")] == ["no answer within 62 s"]
