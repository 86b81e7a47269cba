"""One incident and the people it is told to, rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.domain import escalation
from supervisor.domain.actions import Severity
from supervisor.domain.delivery import NoticeKind
from supervisor.domain.escalation import ChannelFailed, ChannelTook, Resolved, Silenced, Tell, Worsened
from supervisor.domain.events import DeadlineReached
from supervisor.domain.policy import Chain
from tests.support.alarms import UNSILENCE, Alarm, ack, alarm, chain, silence

THREE = chain("caine 0s", "ann 5m", "bob 15m")
BETTER = Resolved("heartbeat in time")


def worse(severity: Severity = Severity.CRITICAL) -> Worsened:
    return Worsened(severity, "worse")


def told(*channels: str) -> Alarm:
    """Begin with an incident of the three steps that these channels took notice of."""
    return alarm(THREE).at("0s", *(ChannelTook(channel) for channel in channels)).expect("0s caine triggered")


# --- the chain ---------------------------------------------------------------------------------------


def test_each_step_is_told_after_its_delay() -> None:
    alarm(THREE).at("29m").expect("0s caine triggered", "5m ann triggered", "15m bob triggered")


def test_the_chain_repeats_five_times_and_then_at_the_repeat_interval() -> None:
    scene = alarm(chain("caine 0s", "ann 10m", repeat_interval="4h")).at("13h")
    rounds = [0, 20, 40, 60, 80, 100]
    assert [when for when, what in scene.wanted if what.startswith("caine")] == [
        *(minute * 60.0 for minute in rounds),
        (110 + 240) * 60.0,
        (120 + 480) * 60.0,
    ]
    assert [what for _, what in scene.wanted[:4]] == [
        "caine triggered",
        "ann triggered",
        "caine repeated",
        "ann repeated",
    ]


def test_a_chain_of_one_step_repeats_every_five_minutes_before_the_interval() -> None:
    alarm(chain("caine 0s")).at("9h").expect(
        "0s caine triggered",
        *(f"{minutes}m caine repeated" for minutes in (5, 10, 15, 20, 25)),
        "265m caine repeated",
        "505m caine repeated",
    )


def test_rounds_are_no_further_apart_than_the_interval() -> None:
    alarm(chain("caine 0s", repeat_interval="1m", max_rounds=2)).at("3m").expect(
        "0s caine triggered", "1m caine repeated", "2m caine repeated", "3m caine repeated"
    )


def test_a_first_step_may_wait() -> None:
    alarm(chain("caine 5m")).at("4m").expect().at("5m").expect("5m caine triggered")


def test_no_repeats_but_the_slow_ones_where_the_policy_says_so() -> None:
    alarm(chain("caine 0s", "ann 1m", max_rounds=0)).at("5h").expect(
        "0s caine triggered", "1m ann triggered", "241m caine repeated", "242m ann repeated"
    )


def test_a_wake_up_after_a_long_absence_tells_every_channel_once() -> None:
    scene = alarm(THREE).expect("0s caine triggered").awake("30h")
    scene.expect("1800m ann triggered", "1800m bob triggered").is_("triggered", next_at="1815m")


def test_a_channel_with_two_steps_due_at_once_is_told_once() -> None:
    scene = alarm(chain("caine 1m", "caine 5m", "ann 5m")).awake("9m")
    scene.expect("9m caine triggered", "9m ann triggered")


def test_early_and_duplicate_wake_ups_change_nothing() -> None:
    scene = told("caine").at("4m")
    known = scene.incident
    assert scene.at("4m", DeadlineReached(), DeadlineReached()).expect().incident is known


def test_every_notice_has_its_own_number() -> None:
    scene = alarm(THREE).at("30h", ChannelTook("ann"), BETTER)
    assert scene.incident.sent == len(scene.wanted)
    opened, tells = escalation.open_incident("a:heartbeat", Severity.CRITICAL, "silent", 10.0, THREE)
    assert tells == (Tell("caine", NoticeKind.TRIGGERED, 1),)
    assert (opened.sent, opened.evidence, opened.opened_at) == (1, {}, 10.0)


# --- acknowledged ------------------------------------------------------------------------------------


def test_an_acknowledged_incident_is_silent_until_the_ack_ends_and_then_begins_anew() -> None:
    scene = told("caine").at("1m", ack("30m")).is_("acknowledged", acked_by="ann", acked_until="31m").at("31m")
    scene.expect("31m caine ack_expired").is_("triggered", acked_by=None, acked_until=None)
    scene.at("46m").expect("36m ann triggered", "46m bob triggered")


def test_an_ack_may_be_renewed() -> None:
    told("caine").at("1m", ack("30m")).at("20m", ack("30m")).at("49m").expect().at("50m").expect(
        "50m caine ack_expired"
    )


def test_a_worse_severity_breaks_an_ack() -> None:
    scene = alarm(THREE, Severity.WARNING).at("1m", ack("30m")).expect("0s caine triggered")
    scene.at("2m", worse(Severity.WARNING)).expect().is_("acknowledged", severity=Severity.WARNING)
    scene.at("3m", worse()).expect("3m caine triggered").is_("triggered", severity=Severity.CRITICAL, acked_by=None)
    scene.at("8m", worse()).expect("8m ann triggered")


def test_the_same_severity_brings_only_new_words() -> None:
    scene = told("caine").at("1m", worse(), worse(Severity.WARNING)).expect()
    assert (scene.incident.summary, scene.incident.severity) == ("worse", Severity.CRITICAL)


def test_an_ack_that_lapsed_while_the_supervisor_was_away() -> None:
    told("caine").at("1m", ack("30m")).awake("9h").expect("540m caine ack_expired")


# --- silences ----------------------------------------------------------------------------------------


def test_what_is_silenced_is_told_at_once_when_the_silence_ends() -> None:
    scene = alarm(THREE, silenced="1h").expect().is_("triggered", silenced=True, next_at="60m")
    scene.at("65m").expect("60m caine silence_ended", "65m ann triggered").is_("triggered", silenced=False)


def test_a_silence_may_be_ended_by_hand() -> None:
    alarm(THREE, silenced="1h").at("10m", UNSILENCE).expect("10m caine silence_ended")


def test_a_silence_that_kept_nothing_back_ends_without_a_word() -> None:
    told("caine").at("1m", silence("2m")).at("2m", UNSILENCE).expect().at("5m").expect("5m ann triggered")


def test_a_silence_in_the_middle_of_the_chain() -> None:
    scene = told("caine").at("1m", silence("1h")).at("60m").expect().is_("triggered", silenced=True, next_at="61m")
    scene.at("61m").expect("61m caine silence_ended")


def test_a_silence_that_was_lengthened() -> None:
    told("caine").at("1m", silence("10m")).at("6m", silence("30m")).at("35m").expect().at("36m").expect(
        "36m caine silence_ended"
    )


def test_an_ack_that_ends_in_a_silence_has_ended_all_the_same() -> None:
    scene = told("caine").at("1m", ack("10m")).at("2m", silence("1h")).at("11m").expect()
    scene.is_("triggered", silenced=True, next_at="62m", acked_until=None).at("62m").expect("62m caine silence_ended")


def test_an_ack_during_a_silence_outlives_it() -> None:
    scene = alarm(THREE, silenced="10m").at("5m", ack("30m")).at("10m", UNSILENCE).expect().is_("acknowledged")
    scene.at("35m").expect("35m caine silence_ended")


def test_worse_news_in_a_silence_wait_for_its_end() -> None:
    alarm(THREE, Severity.WARNING, silenced="1h").at("1m", worse()).expect().at("60m").expect("60m caine silence_ended")


# --- channels ----------------------------------------------------------------------------------------


def test_a_channel_that_failed_does_not_keep_the_next_waiting() -> None:
    told().at("1m", ChannelFailed("caine")).expect("1m ann triggered").at("11m").expect("11m bob triggered")


def test_a_second_failure_goes_on_to_the_next() -> None:
    told().at("1m", ChannelFailed("caine")).at("1m1s", ChannelFailed("ann")).expect(
        "1m ann triggered", "1m1s bob triggered"
    )


def test_a_failure_of_a_channel_that_was_told_long_ago_hurries_nobody() -> None:
    scene = told().at("8m", ChannelFailed("caine"), ChannelFailed("caine")).expect("5m ann triggered")
    scene.at("15m").expect("15m bob triggered")


def test_a_failure_of_the_last_waits_for_the_next_round() -> None:
    scene = told().at("16m", ChannelFailed("bob")).expect("5m ann triggered", "15m bob triggered")
    scene.at("30m").expect("30m caine repeated")


def test_a_failure_of_a_channel_brings_nothing_to_those_who_need_not_hear() -> None:
    told().at("1m", ack("30m"), ChannelFailed("caine")).expect().is_("acknowledged")
    told().at("1m", silence("30m"), ChannelFailed("caine")).expect().is_("triggered", silenced=True, next_at="31m")
    told().at("1m", BETTER, ChannelFailed("caine")).expect().is_("resolved")


# --- resolved ----------------------------------------------------------------------------------------


def test_the_end_is_told_to_everyone_who_was_told() -> None:
    scene = told("caine", "caine").at("5m", ChannelTook("ann")).at("6m", BETTER)
    scene.expect("5m ann triggered", "6m caine resolved", "6m ann resolved")
    scene.is_("resolved", resolved_at="6m", resolution="heartbeat in time", next_at=None).at("48h").expect()


def test_nobody_hears_of_the_end_of_what_he_never_heard_of() -> None:
    alarm(THREE).at("1m", BETTER).expect("0s caine triggered").at("48h").expect()


def test_who_was_told_while_it_ended_hears_of_the_end_too_and_once() -> None:
    scene = told().at("1m", BETTER).at("1m5s", ChannelTook("caine"), ChannelTook("caine"))
    scene.expect("1m5s caine resolved")


def test_what_is_over_stays_over() -> None:
    scene = told("caine").at("1m", BETTER).expect("1m caine resolved")
    known = scene.incident
    scene.at("2m", ack(), worse(), BETTER, DeadlineReached()).expect()
    assert scene.incident is known


def test_an_acknowledged_incident_may_end() -> None:
    told("caine").at("1m", ack()).at("2m", BETTER).expect("2m caine resolved").is_("resolved", acked_until=None)


def test_of_two_incidents_with_one_key_the_earlier_goes_on_for_all_who_heard_of_either() -> None:
    earlier = told("caine").at("6m", ChannelTook("ann")).incident
    later = told("caine").at("16m", ChannelTook("bob")).incident
    both = escalation.joined(earlier, later)
    assert both == replace(earlier, told=("caine", "ann", "bob"))
    later = told("caine").at("1m", ack("1h")).incident
    both = escalation.joined(earlier, later)
    assert (both.id, both.acked_by, both.next_at) == (earlier.id, later.acked_by, later.acked_until)
    scene = told("caine").at("1m", ack("1h"))
    assert escalation.joined(scene.incident, earlier).acked_by == scene.incident.acked_by


# --- no chain, and another one -----------------------------------------------------------------------


def test_without_a_chain_nobody_is_told() -> None:
    scene = alarm(Chain()).at("48h").expect().is_("triggered", next_at=None)
    scene.at("49h", ack("1h")).at("51h").expect().is_("triggered", next_at=None)
    scene.at("51h", worse(), ChannelFailed("caine")).expect().is_("triggered", next_at=None)


def test_a_chain_that_came_later_begins_when_it_comes() -> None:
    alarm(Chain()).at("1h").use(THREE).at("66m").expect("60m caine triggered", "65m ann triggered")


def test_a_chain_that_was_taken_away_wakes_nobody() -> None:
    told("caine").at("1m").use(Chain()).at("48h").expect().is_("triggered", next_at=None)


def test_a_chain_that_became_shorter() -> None:
    scene = (
        told("caine").at("6m").use(chain("caine 0s")).expect("5m ann triggered").at("15m").expect("15m caine triggered")
    )
    scene.at("21m").expect("20m caine repeated")


def test_worse_news_without_a_chain() -> None:
    alarm(Chain(), Severity.WARNING).at("1m", worse()).expect().is_(
        "triggered", severity=Severity.CRITICAL, next_at=None
    )


# --- the clock ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["3h", "-3h"])
def test_a_step_of_the_clock_moves_every_kept_time(step: str) -> None:
    told("caine").at("1m").step_clock(step).expect().is_("triggered", opened_at="0s").at("15m").expect(
        "5m ann triggered", "15m bob triggered"
    )
    told("caine").at("1m", ack("10m")).step_clock(step).at("11m").expect("11m caine ack_expired")
    alarm(THREE, silenced="1h").at("1m").step_clock(step).at("60m").expect("60m caine silence_ended")
    alarm(Chain()).step_clock(step).is_("triggered", next_at=None)


def test_what_a_silence_took_back_is_told_when_it_ends() -> None:
    scene = told().at("1m", silence("2m"), Silenced()).is_("triggered", silenced=True)
    scene.at("3m", UNSILENCE).expect("3m caine silence_ended")
    told().at("1m", BETTER, Silenced()).is_("resolved", silenced=False)
