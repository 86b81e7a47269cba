from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from supervisor import settings
from supervisor.credentials import Credential
from supervisor.domain.gate import GatePolicy
from supervisor.domain.policy import Chain, Expectation, OnExhausted, Policy, RestartPolicy, Step
from supervisor.formats.cron import schedule
from supervisor.paths import places
from supervisor.settings import ConfigError, load
from tests.support.configured import Read, problems, reader

CHANNELS = """
[channels.caine]
kind = "file"
path = "caine.jsonl"
[channels.ops]
kind = "file"
path = "ops.jsonl"
"""

WINDOWED = {"matcher": "pay*", "schedule": "0 2 * * sun", "duration": "2h", "comment": "x"}
WINDOW = "[maintenance.w]" + "".join(f"\n{key} = '{value}'" for key, value in WINDOWED.items())


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return reader(tmp_path)


@pytest.mark.parametrize("listen", ["127.0.0.1:8787", "127.1.2.3:1", "[::1]:65535", "localhost:80"])
def test_the_api_may_listen_on_loopback(read: Read, listen: str) -> None:
    http = read(f"[http]\nlisten = '{listen}'\nallowed_hosts = ['Proxy.example.org']\ntoken_file = 'the.token'").http
    assert (http.listen, http.public_read, http.allowed_hosts) == (listen, True, ("proxy.example.org",))
    assert http.token is not None
    assert http.token.name.endswith("/the.token")
    assert http.token.name.startswith("/")


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "https://", "https://u:p@a.example", "https://a.example/?x=1", "a.example"]
)
def test_a_public_url_is_an_address_for_people(read: Read, url: str) -> None:
    assert read("[http]\npublic_url = 'https://a.example/sup/'").http.public_url == "https://a.example/sup"
    with pytest.raises(ConfigError, match="expected an http or https address"):
        read(f"[http]\npublic_url = '{url}'")


# --- what it comes to --------------------------------------------------------------------------------


def test_nothing_configured(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    settings = load(None, environ)
    assert settings.source is None
    assert list(settings.agents) == ["collections-emailer", "payment-watcher"]
    assert {agent.policy for agent in settings.agents.values()} == {Policy()}
    assert settings.chain() == Chain()
    assert settings.gate_policy() == GatePolicy()
    assert settings.paths == places(environ)
    assert (settings.outbox.timeout, settings.journal.retention) == (10, 30 * 86400)
    assert (settings.log.level, settings.log.format) == ("info", "auto")
    assert (settings.dashboard.interval, settings.dashboard.min_interval) == (3600, 10)
    assert (settings.dashboard.language, settings.dashboard.time_zone) == ("en", "UTC")
    assert (settings.watch.walk_every, settings.watch.poll_every, settings.watch.skew_limit) == (60, 2, 60)
    assert settings.watch.discover is False


def test_an_agents_own_keys_win_over_the_defaults(read: Read) -> None:
    settings = read("""
        [defaults]
        heartbeat_timeout = "3s"
        check_interval = "2s"
        restart_after = 2
        [agents.a]
        heartbeat_timeout = "90s"
        [agents.b]
        start_period = "1s"
        escalate_after = 1
        busy_limit = "0s"
    """)
    assert settings.policy("a") == Policy(90, 2, 2, restart_after=2)
    assert settings.policy("b") == Policy(3, 2, 1, restart_after=2, escalate_after=1, busy_limit=0)
    assert list(settings.agents) == ["a", "b"]


def test_limits_are_off_and_money_is_what_was_typed(read: Read) -> None:
    settings = read("""
        [defaults]
        max_tokens_per_hour = 5000
        [agents.a]
        max_cost_per_hour = 0.1
        progress_timeout = "2h"
        loop_after = 20
        [agents.b]
    """)
    wanted = Policy(progress_timeout=7200, loop_after=20, max_cost_per_hour=Decimal("0.1"), max_tokens_per_hour=5000)
    assert settings.policy("a") == wanted
    assert settings.policy("b") == Policy(max_tokens_per_hour=5000)


def test_a_schedule_stands_in_place_of_a_timeout(read: Read) -> None:
    settings = read("""
        [defaults]
        heartbeat_timeout = "3h"
        schedule = "0 3 * * *"
        grace = "1h"
        restart = { kind = "command", command = ["true"] }
        [agents.a]
        time_zone = "America/Bogota"
        max_runtime = "2h"
        [agents.b]
        heartbeat_timeout = "2h"
    """)
    nightly, lively = settings.policy("a"), settings.policy("b")
    assert nightly.schedule == schedule("0 3 * * *", "America/Bogota", 3600.0)
    assert (nightly.max_runtime, lively.max_runtime, lively.schedule) == (7200.0, None, None)
    assert nightly.restart is not None
    assert lively.restart is not None
    assert (nightly.restart.window, nightly.restart.reset_after) == (6 * 3600, 2 * 3600)
    assert (lively.restart.window, lively.restart.reset_after) == (12 * 3600, 4 * 3600)
    assert settings.policy("a") == settings.with_agents(["a"]).policy("a")


def test_what_is_expected_lies_where_the_file_says(read: Read) -> None:
    settings = read("""
        [defaults]
        expects = [{ path = "~/out/*.csv", newer_than = "25h" }]
        [agents.a]
        [agents.b]
        expects = [{ path = "report.csv", newer_than = "1h" }]
    """)
    assert settings.source is not None
    assert settings.policy("a").expects == (Expectation("/home/ann/out/*.csv", 25 * 3600),)
    assert settings.policy("b").expects == (Expectation(str(settings.source.parent / "report.csv"), 3600),)


def test_signs_of_work_lie_where_the_file_says(read: Read) -> None:
    settings = read("""
        [agents.a]
        activity = ["~/a.log", "logs/*.log"]
        activity_limit = "0s"
        [agents.b]
    """)
    assert settings.source is not None
    known = settings.policy("a")
    assert known.activity == ("/home/ann/a.log", str(settings.source.parent / "logs/*.log"))
    assert (known.activity_timeout, known.activity_limit) == (300.0, 0.0)
    assert settings.policy("b").activity == ()


def test_circles_are_refused(read: Read) -> None:
    text = "[agents.{}]\ndepends_on = ['{}']\n"
    (problem,) = problems(read, text.format("a", "b") + text.format("b", "c") + text.format("c", "a"))
    assert "depends_on: it depends on itself: " in problem
    assert any(problem.endswith(circle) for circle in ("a → b → c → a", "b → c → a → b", "c → a → b → c"))
    (problem,) = problems(read, "[defaults]\ndepends_on = ['a']\n[agents.a]\n[agents.b]")
    assert problem.endswith("it depends on itself: a → a")


def test_parents_are_known_agents_and_may_be_left_out_of_a_look(read: Read) -> None:
    settings = read("[agents.a]\ndepends_on = ['b']\n[agents.b]")
    assert settings.policy("a").depends_on == ("b",)
    assert settings.with_agents(["a"]).policy("a").depends_on == ("b",)


@pytest.mark.parametrize("wrong", ['"1"', "0", "-1", "inf", "nan", "true", "1e12"])
def test_a_cost_is_a_number_above_0(read: Read, wrong: str) -> None:
    (problem,) = problems(read, f"defaults.max_cost_per_hour = {wrong}")
    assert "defaults.max_cost_per_hour: expected a number above 0, such as 10 or 2.50" in problem


def test_restart_keys_and_those_that_follow_from_the_timeout(read: Read) -> None:
    settings = read("""
        [defaults.restart]
        max_restarts = 5
        backoff = "1s"
        on_exhausted = "hold"
        [agents.slow.restart]
        kind = "command"
        command = ["true"]
        [agents.quick]
        heartbeat_timeout = "3s"
        [agents.quick.restart]
        kind = "systemd"
        backoff = "0s"
        window = "1m"
        jitter = 0
        [agents.alone]
    """)
    law = RestartPolicy(max_restarts=5, window=21600, backoff=1, reset_after=7200, on_exhausted=OnExhausted.HOLD)
    assert settings.policy("slow").restart == law
    assert settings.policy("quick").restart == RestartPolicy(
        max_restarts=5, window=60, backoff=0, jitter=0, reset_after=600, on_exhausted=OnExhausted.HOLD
    )
    assert settings.policy("alone").restart is None
    assert settings.agents["alone"].restart_plugin is None
    chosen = settings.agents["slow"].restart_plugin
    assert chosen is not None
    assert (chosen.plugin.kind, chosen.config.model_dump()["command"]) == ("command", ("true",))
    assert settings.policy("quick").restart != settings.policy("slow").restart


def test_a_restart_kind_in_the_defaults_is_for_all_and_its_keys_for_agents_of_the_same_kind(read: Read) -> None:
    settings = read("""
        [defaults.restart]
        kind = "command"
        command = ["restart-any"]
        stop_timeout = "1s"
        [agents.a]
        [agents.b.restart]
        command = ["restart-b"]
        [agents.c.restart]
        kind = "systemd"
        unit = "c.service"
    """)
    plugins = [agent.restart_plugin for agent in settings.agents.values()]
    seen = [(p.plugin.kind, p.config.model_dump()) for p in plugins if p is not None]
    assert [(kind, keys.get("command"), keys["stop_timeout"]) for kind, keys in seen] == [
        ("command", ("restart-any",), 1),
        ("command", ("restart-b",), 1),
        ("systemd", None, 10),
    ]


def test_paths_begin_at_the_files_folder(read: Read, tmp_path: Path) -> None:
    settings = read("""
        [paths]
        cache = "cache"
        state = "~/state"
        socket = "/run/x.sock"
        [agents.a.restart]
        kind = "command"
        command = ["relative-stays"]
        working_directory = "work"
        [channels.ops]
        kind = "file"
        path = "out/ops.jsonl"
    """)
    assert settings.paths.heartbeats == tmp_path / "cache/heartbeats"
    assert settings.paths.ledger == Path("/home/ann/state/collections_ledger.md")
    assert settings.paths.socket == Path("/run/x.sock")
    chosen = settings.agents["a"].restart_plugin
    assert chosen is not None
    assert chosen.config.model_dump()["working_directory"] == tmp_path / "work"
    assert chosen.config.model_dump()["command"] == ("relative-stays",)
    assert settings.channels["ops"].config.model_dump()["path"] == tmp_path / "out/ops.jsonl"


def test_the_chain_as_written(read: Read) -> None:
    settings = read(
        CHANNELS
        + """
        [escalation]
        chain = [{ channel = "ops" }, { channel = "caine", delay = "1s" }, { channel = "ops", delay = "1s" }]
        max_rounds = 0
        repeat_interval = "10s"
        ack_timeout = "1m"
    """
    )
    assert settings.chain() == Chain((Step("ops"), Step("caine", 1), Step("ops", 1)), 0, 10, 60)


def test_the_chain_as_tables(read: Read) -> None:
    chain = '[[escalation.chain]]\nchannel = "ops"\n[[escalation.chain]]\nchannel = "caine"\ndelay = "5m"\n'
    assert read(CHANNELS + chain).chain().steps == (Step("ops"), Step("caine", 300))


def test_without_a_chain_every_channel_is_told_in_order(read: Read) -> None:
    text = "".join(f'[channels.{name}]\nkind = "file"\npath = "{name}"\n' for name in "zyxwv")
    steps = (Step("z"), Step("y", 300), Step("x", 900), Step("w", 1800), Step("v", 2700))
    assert read(text).chain().steps == steps
    assert read(text + "[escalation]\nchain = []").chain().steps == ()


def test_whom_to_ping(read: Read, tmp_path: Path) -> None:
    assert read("").ping.address is None
    assert read("[ping]\nurl = 'https://example.org/a?b'").ping.address == "https://example.org/a?b"
    kept = read("[ping]\nurl_file = 'ping.url'\ninterval = '5s'").ping
    assert (kept.address, kept.interval) == (Credential("file", str(tmp_path / "ping.url")), 5)


def test_the_metrics_file_begins_at_the_files_folder(read: Read, tmp_path: Path) -> None:
    assert read("").metrics.textfile is None
    assert read("[metrics]\ntextfile = 'c.prom'").metrics.textfile == tmp_path / "c.prom"


def test_settle_may_be_nothing(read: Read) -> None:
    assert read('[gate]\nsettle = "0s"\nshare = 1').gate_policy() == GatePolicy(settle=0, share=1)


# --- other agents, other folders, a new file ---------------------------------------------------------


def test_with_agents_keeps_what_is_configured_and_gives_the_rest_the_defaults(read: Read) -> None:
    settings = read("[defaults]\nrestart_after = 3\n[agents.a]\nrestart_after = 1\n[agents.b]\n[agents.c]")
    fewer = settings.with_agents(["new", "a", "new"])
    assert list(fewer.agents) == ["new", "a"]
    assert fewer.agents["a"] == settings.agents["a"]
    assert fewer.policy("new") == Policy(restart_after=3)
    assert fewer.with_agents(["b"]).agents == {"b": settings.agents["b"]}
    assert (fewer.paths, fewer.gate) == (settings.paths, settings.gate)


def test_a_discovered_agent_has_the_defaults(read: Read) -> None:
    settings = read('[defaults.restart]\nkind = "systemd"\n[agents.a]\n[watch]\ndiscover = true')
    agent = settings.agent("stranger")
    assert agent == settings.agents["a"]
    assert "stranger" not in settings.agents


@pytest.mark.parametrize("name", ["../etc", "", ".hidden", "a b", "x" * 65, "fleet", "books", "a\n", "é"])
def test_with_agents_refuses_impossible_names(read: Read, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("").with_agents(["good", name])
    assert len(caught.value.problems) == 1
    assert repr(name) in str(caught.value)
    with pytest.raises(ConfigError):
        read("").policy(name)


def test_with_no_agents_at_all(read: Read) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        read("").with_agents([])


def test_defaults_that_lack_a_key_fail_only_where_they_are_used(read: Read) -> None:
    text = '[defaults.restart]\nkind = "command"\n[agents.a.restart]\ncommand = ["true"]\n'
    settings = read(text)
    with pytest.raises(ConfigError, match=r"config\.toml:1: defaults\.restart\.command: is required"):
        settings.with_agents(["a", "b"])
    assert problems(read, text + "[watch]\ndiscover = true") == ["1: defaults.restart.command: is required"]


def test_with_paths(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read('[paths]\ncache = "a"\nledger = "/l.md"').with_paths(cache=Path("c"), state=Path("/s"))
    assert settings.paths.dashboard == tmp_path / "c/dashboard.html"
    assert (settings.paths.event_log, settings.paths.ledger) == (Path("/s/events.log"), Path("/l.md"))
    assert settings.with_paths().paths == settings.paths
    assert settings.with_paths(cache=Path("/d")).paths.state == Path("/s")


def test_with_check_interval(read: Read) -> None:
    settings = read('[agents.a]\ncheck_interval = "1s"\nrestart_after = 3\n[agents.b]\nstart_period = "9s"')
    slower = settings.with_check_interval(7)
    assert slower.policy("a") == Policy(check_interval=7, start_period=7, restart_after=3)
    assert slower.policy("b") == Policy(check_interval=7, start_period=9)
    assert slower.policy("new").check_interval == 7


def test_windows_of_maintenance(read: Read) -> None:
    one, two = read(
        WINDOW + "\ntime_zone = 'America/Bogota'\n" + WINDOW.replace("w]", "two]").replace("'pay*'", "['a', 'books:*']")
    ).windows()
    assert (one.name, one.matcher, one.duration, one.time_zone) == ("w", "pay*", 7200.0, "America/Bogota")
    assert next(one.times(0.0)) == 3 * 86400 + 7 * 3600, "Sunday 4 January 1970, 02:00 in Bogota"
    assert (two.matcher, two.time_zone) == ("a books:*", "UTC")


def test_equal_settings_may_be_written_differently(read: Read) -> None:
    assert read('[gate]\nwindow = "60s"\n[agents.a]') == read('[agents.a]\ncheck_interval = "15m"')


def test_who_is_told_is_not_looked_for_where_something_else_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_: object) -> None:
        raise ConfigError(["the machine: has no home"], [("machine",)])

    monkeypatch.setattr(settings, "_settings", wrong)
    with pytest.raises(ConfigError, match="has no home"):
        settings.load_telling(None, {})
