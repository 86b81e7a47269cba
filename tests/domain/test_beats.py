"""What is awaited of an agent: by its timeout, by a schedule, by the end of its run."""

from __future__ import annotations

from supervisor.domain.beats import next_run
from supervisor.domain.events import CheckAsked, ProcessExited, RestartAsked
from tests.support.playbook import Play, beat, done, every, play, policy
from tests.support.stage import START


def cron(**changes: object) -> Play:
    """Begin with an agent that runs every hour, with 15 min of grace."""
    return play(policy(**{"schedule": every("60m"), "restart": None, **changes}))


def expected(scene: Play) -> float:
    """Return when the next run is expected, in minutes since the beginning of the play."""
    assert scene.policy.schedule is not None
    return (next_run(scene.health, scene.policy.schedule, scene.policy, scene.now) - scene.origin) / 60


# --- a schedule --------------------------------------------------------------------------------------


def test_a_run_is_awaited_at_the_first_time_after_the_last_heartbeat() -> None:
    scene = cron().at("10m", beat()).is_("healthy", due="75m").at("70m", beat()).is_("healthy", due="135m")
    assert expected(scene) == 120
    scene.at("134m").expect().at("135m").expect("135m miss 1", "135m refused no_restarter")
    scene.is_("unhealthy", reason="its run is 15 min late").at("150m").is_("escalated", reason="its run is 30 min late")
    assert expected(scene) == 180
    scene.at("181m", beat()).is_("healthy", due="255m")


def test_the_first_run_is_awaited_from_the_registration_on() -> None:
    scene = cron().is_("unknown", due="75m")
    assert expected(scene) == 60
    scene.at("75m").expect("75m miss 1", "75m refused no_restarter").is_(
        "unhealthy", reason="no heartbeat was ever seen"
    )


def test_a_check_before_the_first_run_finds_nothing() -> None:
    cron().at("30m", CheckAsked()).expect().is_("unknown")


def test_a_heartbeat_on_the_deadline_is_in_time() -> None:
    cron().at("75m", beat()).expect().is_("healthy", due="135m")


def test_a_stop_ends_a_run_and_not_the_watch() -> None:
    cron().at("60m", beat("start")).at("61m", beat("stop")).is_("healthy", due="135m")
    play(policy(None)).at("60m", beat("stop")).is_("stopped", due=None)


def test_a_failure_is_a_miss_at_once() -> None:
    cron().at("61m", beat("fail")).expect("61m miss 1", "61m refused no_restarter").is_("unhealthy", due="76m")


def test_busy_until_moves_it_and_no_further_than_it_may() -> None:
    cron(busy_limit="30m").at("1m", beat(busy_until="3h")).is_("healthy", due="105m")
    cron(busy_limit="30m").at("1m", beat(busy_until="80m")).is_("healthy", due="81m")


def test_a_restart_has_its_start_period_and_then_the_schedule_counts_again() -> None:
    scene = play(policy(schedule=every("60m"))).at("1m", beat()).at("75m").expect("75m miss 1", "75m restart 1")
    scene.at("76m", done(1)).is_("restarting", due="91m").at("80m", beat()).is_("healthy", due="135m")


def test_what_its_process_said_at_its_end_is_told_with_it() -> None:
    scene = cron().at("1m", beat()).at("2m", ProcessExited(1)).at("17m")
    scene.is_("escalated", reason="the process ended with exit code 1; no heartbeat for 16 min")


def test_new_promises() -> None:
    scene = cron().at("10m", beat()).promise(policy(None, schedule=every("20m"))).is_("healthy", due="35m")
    scene.promise(policy(None)).is_("healthy", due="70m").promise(policy(None, schedule=every("60m"), max_runtime="5m"))
    scene.is_("healthy", due="75m")
    cron().promise(policy(None, schedule=every("20m"))).is_("unknown", due="35m")


# --- the run's end -----------------------------------------------------------------------------------


def test_a_run_that_does_not_end_is_a_miss() -> None:
    scene = cron(max_runtime="30m").at("61m", beat("start")).is_("healthy", due="91m")
    assert expected(scene) == 120
    scene.at("91m").expect("91m miss 1", "91m refused no_restarter")
    scene.is_("unhealthy", reason="its run has not ended in 30 min")
    scene.at("95m", beat()).is_("healthy", due="135m")


def test_so_it_is_without_a_schedule() -> None:
    for length, due in (("30m", "31m"), ("3h", "181m")):
        scene = play(policy(None, max_runtime=length)).at("1m", beat("start")).is_("healthy", due=due)
        scene.at("20m", beat()).is_("healthy", due="80m")


def test_whatever_ends_it_ends_it() -> None:
    cron(max_runtime="3h").at("61m", beat("start")).at("62m", beat("stop")).is_("healthy", due="135m")
    cron(max_runtime="3h").at("61m", beat("start")).at("62m", beat("fail")).is_("unhealthy", misses=1)


def test_while_it_lasts_no_other_deadline_counts() -> None:
    scene = cron(max_runtime="3h").at("61m", beat("start")).is_("healthy", due="241m")
    scene.at("200m").expect().at("210m", beat()).is_("healthy", due="255m")


def test_a_second_start_does_not_lengthen_the_time() -> None:
    scene = cron(max_runtime="30m").at("61m", beat("start")).at("80m", beat("start")).is_("healthy", due="91m")
    scene.at("91m").expect("91m miss 1", "91m refused no_restarter")
    scene.at("95m", beat("start")).is_("unhealthy").at("96m", beat()).is_("healthy")
    scene.at("121m", beat("start")).is_("healthy", due="151m")


def test_a_restart_begins_another_run() -> None:
    scene = play(policy(max_runtime="30m")).at("1m", beat("start")).at("31m").expect("31m miss 1", "31m restart 1")
    scene.at("32m", done(1)).at("33m", beat("start")).is_("healthy", due="63m")


def test_a_machine_that_slept_gives_the_time_back_to_a_further_start_too() -> None:
    scene = play(policy(None, max_runtime="30m")).at("1m", beat("start")).at("20m").sleep("1h")
    scene.at("81m", beat("start")).is_("healthy", due="91m")


def test_without_a_limit_a_start_is_a_heartbeat_as_any_other() -> None:
    cron().at("61m", beat("start")).is_("healthy", due="135m")


# --- the clock ---------------------------------------------------------------------------------------


def test_a_sleep_before_the_run_costs_it_nothing() -> None:
    cron().at("10m", beat()).sleep("40m").is_("healthy", due="75m", lost=0.0).at("75m").is_("unhealthy")


def test_a_run_that_was_slept_through_is_awaited_at_its_next_time() -> None:
    scene = cron().at("10m", beat()).at("30m").sleep("2h").is_("healthy", due="195m")
    assert expected(scene) == 180
    scene.promise(scene.policy).is_("healthy", due="195m")
    scene.at("170m").sleep("20m").is_("healthy", due="255m").at("241m", beat()).is_("healthy", due="315m")


def test_a_sleep_takes_nothing_back_of_what_a_busy_agent_was_given() -> None:
    scene = cron(busy_limit="30m").at("10m", beat(busy_until="3h")).is_("healthy", due="105m")
    scene.at("55m").sleep("10m").is_("healthy", due="165m")


def test_a_run_that_was_late_already_is_given_the_time_back() -> None:
    scene = cron().at("10m", beat()).at("65m").sleep("5m").is_("healthy", due="80m")
    scene.promise(scene.policy).is_("healthy", due="80m").at("80m").is_("unhealthy", reason="its run is 20 min late")


def test_a_running_one_is_given_the_time_back_too() -> None:
    cron(max_runtime="30m").at("61m", beat("start")).at("70m").sleep("1h").is_("healthy", due="151m")


def test_a_sleep_gives_the_misses_their_time_back() -> None:
    cron().at("10m", beat()).at("76m").is_("unhealthy", due="90m").sleep("10m").is_("unhealthy", due="100m")


def test_a_clock_that_is_set_moves_no_scheduled_time() -> None:
    scene = cron().at("10m", beat()).step_clock("20m")
    assert scene.health.due == START + 75 * 60
    scene.step_clock("-25m")
    assert scene.health.due == START + 75 * 60
    scene.step_clock("2h")
    assert scene.health.due == START + 195 * 60


def test_what_has_run_does_not_run_again_when_the_clock_is_set_back_a_little() -> None:
    scene = cron().at("60m", beat()).at("61m").step_clock("-5m")
    assert scene.health.due == START + 135 * 60
    scene.step_clock("-40m")
    assert scene.health.due == START + 135 * 60


def test_a_clock_that_is_set_forward_passes_over_what_lies_between() -> None:
    scene = cron().at("10m", beat()).at("30m").sleep("2h").at("151m").step_clock("2h")
    assert scene.health.due == START + 315 * 60


def test_a_clock_that_was_wrong_by_far_is_believed_at_once() -> None:
    scene = cron().at("600m", beat()).step_clock("-9h")
    assert scene.health.due == START + 135 * 60


def test_a_clock_that_is_set_moves_the_other_deadlines() -> None:
    cron(max_runtime="30m").at("61m", beat("start")).step_clock("7m").is_("healthy", due="91m")
    cron().at("10m", beat()).at("76m").step_clock("7m").is_("unhealthy", due="90m")
    play(policy(schedule=every("60m"))).at("1m", RestartAsked("ann")).step_clock("7m").is_("restarting", due=None)


def test_before_anything_is_heard_the_clock_is_the_walls_too() -> None:
    scene = cron().at("50m").step_clock("-5m")
    assert scene.health.due == START + 75 * 60
    scene.step_clock("2h")
    assert scene.health.due == START + 195 * 60
