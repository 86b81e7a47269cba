from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.credentials import Credential
from supervisor.domain.gate import GatePolicy
from supervisor.domain.policy import Chain, Expectation, OnExhausted, Policy, RestartPolicy, Step
from supervisor.formats.cron import schedule
from supervisor.paths import places
from supervisor.settings import ConfigError, Settings, load

HOME = {"HOME": "/home/ann", "COLLECTIONS_SUPERVISOR_CONFIG": ""}
CHANNELS = """
[channels.caine]
kind = "file"
path = "caine.jsonl"
[channels.ops]
kind = "file"
path = "ops.jsonl"
"""

NO_LOOPBACK = (
    'expected a loopback address and a port, such as "127.0.0.1:8787"; '
    "to be reached from elsewhere, put a reverse proxy in front and name it in allowed_hosts"
)
NO_HOST = "expected a name without a port, such as supervisor.example.org"
UNREADABLE = "nobody could read or do anything: set token_file, token_env or token_credential"
ONE_TOKEN = "expected one of token_file, token_env and token_credential, not 2 of them"
WINDOWED = {"matcher": "pay*", "schedule": "0 2 * * sun", "duration": "2h", "comment": "x"}
WINDOW = "[maintenance.w]" + "".join(f"\n{key} = '{value}'" for key, value in WINDOWED.items())
TABLES = (
    "agents, books, channels, dashboard, defaults, escalation, gate, http, journal, log, maintenance, metrics, outbox, "
    "paths, ping, watch"
)
NO_UNIT = 'a duration is text with a unit, such as "90s", "15m" or "1h30m"'
NEVER_CLOSES = "it would never close: expected a duration shorter than the time to its next opening"
NO_RUNS = (
    'kind = "managed" is for agents that run all the time: '
    "let cron or a systemd timer start it, and a command restart it"
)
NO_CRON = 'expected minute, hour, day, month and weekday as cron has them, such as "*/30 * * * *"'
NO_ZONE = 'expected a time zone that this machine knows, such as "America/Bogota" or "UTC"'
NO_PROM = 'expected a name that ends in ".prom": node_exporter reads no other'
NO_PATH = "a path has at least one character, and none of them is NUL"
NO_NAME = "a name has 1 to 64 letters, digits, dots, hyphens or underscores, and begins with a letter or a digit"

Read = Callable[[str], Settings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str) -> Settings:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, HOME)

    return read


def problems(read: Read, text: str) -> list[str]:
    """Return what is wrong with `text`, without the folder of the file."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).splitlines() == list(caught.value.problems)
    return [problem.rpartition("/config.toml:")[2] for problem in caught.value.problems]


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


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[agents.a]\nheartbeat_timout = 1",
            '2: agents.a.heartbeat_timout: unknown key "heartbeat_timout": did you mean "heartbeat_timeout"?',
        ),
        *(
            (f"[http]\nlisten = '{listen}'", f'2: http.listen: {NO_LOOPBACK}, got "{listen}"')
            for listen in (
                "0.0.0.0:8787",
                "192.168.1.2:80",
                "127.0.0.1",
                "127.0.0.1:0",
                "[::1]:65536",
                "example.org:80",
            )
        ),
        ("[http]\nallowed_hosts = ['a:80']", f'2: http.allowed_hosts[0]: {NO_HOST}, got "a:80"'),
        ("[http]\nlisten = '127.0.0.1:80'\npublic_read = false", f"1: http: {UNREADABLE}"),
        ("[http]\ntoken_env = 'A'\ntoken_file = 'a'", f"1: http: {ONE_TOKEN}"),
        *(
            (f"{WINDOW}\n{line}".replace(f"\n{key} = '{WINDOWED.get(key)}'", ""), f"{number}: maintenance.w{expected}")
            for key, line, number, expected in (
                ("schedule", "schedule = '0 2 * *'", 5, f'.schedule: {NO_CRON}, got "0 2 * *"'),
                ("schedule", "schedule = '0 25 * * *'", 5, f'.schedule: {NO_CRON}: bad hour, got "0 25 * * *"'),
                ("schedule", "schedule = '0 0 30 2 *'", 5, f'.schedule: {NO_CRON}: bad day-of-month, got "0 0 30 2 *"'),
                ("schedule", "", 1, ".schedule: is required"),
                ("duration", "duration = '200h'", 1, f": {NEVER_CLOSES}"),
                ("schedule", "schedule = '0 * * * *'", 1, f": {NEVER_CLOSES}"),
                ("duration", "duration = '0s'", 5, '.duration: expected more than 0s, got "0s"'),
                ("comment", "", 1, ".comment: is required"),
                ("comment", "comment = ' '", 5, '.comment: expected text that matches \\S, got " "'),
                ("matcher", "matcher = []", 5, ".matcher: expected a length of at least 1, got an empty list"),
                ("matcher", "matcher = 3", 5, ".matcher: expected a list, got 3"),
                ("matcher", "matcher = ['a b']", 5, '.matcher[0]: expected text that matches ^\\S+$, got "a b"'),
                ("", "time_zone = 'Mars/Base'", 6, f'.time_zone: {NO_ZONE}, got "Mars/Base"'),
            )
        ),
        ("settle = '0s'", f'1: settle: unknown key "settle": expected one of {TABLES}'),
        (
            "[escalation]\nchain = [{ chanel = 'a', channel = 'a' }]",
            '2: escalation.chain[0].chanel: unknown key "chanel": did you mean "channel"?',
        ),
        ("\n[log]\nformat = 'text'", "3: log.format: expected 'auto', 'json' or 'console', got \"text\""),
        (
            "[agents.a]\ndepends_on = ['b']\n[agents.bb]",
            '2: agents.a.depends_on: unknown agent "b": did you mean "bb"?',
        ),
        ("[agents.a]\ndepends_on = ['a']", "2: agents.a.depends_on: it depends on itself: a → a"),
        ("[agents.a]\nflap_high = 0.2", "1: agents.a.flap_low: expected at most flap_high (0.2), got 0.25"),
        ("[defaults]\nflap_low = 0.4", "2: defaults.flap_low: expected at most flap_high (0.3), got 0.4"),
        (
            "[agents.a]\nexpects = [{ path = 'a', newer_then = '1h', newer_than = '1h' }]",
            '2: agents.a.expects[0].newer_then: unknown key "newer_then": did you mean "newer_than"?',
        ),
        ("[agents.a]\nexpects = [{ path = 'a' }]", "2: agents.a.expects[0].newer_than: is required"),
        ("[agents.a]\nloop_after = 3", "2: agents.a.loop_after: expected at least 4, got 3"),
        ("[agents.a]\nschedule = '0 3 * *'", f'2: agents.a.schedule: {NO_CRON}, got "0 3 * *"'),
        ("[agents.a]\nschedule = '0 0 30 2 *'", f'2: agents.a.schedule: {NO_CRON}: bad day-of-month, got "0 0 30 2 *"'),
        (
            "[agents.a]\nschedule = '0 3 * * *'\nheartbeat_timeout = '1h'",
            "2: agents.a.schedule: expected either schedule or heartbeat_timeout, got both",
        ),
        (
            "[agents.a]\nschedule = '0 3 * * *'\nrestart = { kind = 'managed', command = ['x'] }",
            f"2: agents.a.schedule: {NO_RUNS}",
        ),
        (
            "[defaults]\nschedule = '0 3 * * *'\n[agents.a]\nrestart = { kind = 'managed', command = ['x'] }",
            f"2: defaults.schedule: {NO_RUNS}",
        ),
        (
            "watch.discover = true\n[defaults]\nschedule = '0 3 * * *'\nrestart = {kind = 'managed', command = ['x']}",
            f"3: defaults.schedule: {NO_RUNS}",
        ),
        ("[agents.a]\ntime_zone = 'Bogota'", f'2: agents.a.time_zone: {NO_ZONE}, got "Bogota"'),
        ("[agents.a]\nheartbeat_timeout = 60", f"2: agents.a.heartbeat_timeout: {NO_UNIT}, got 60"),
        ("[agents.a]\nheartbeat_timeout = '0s'", '2: agents.a.heartbeat_timeout: expected more than 0s, got "0s"'),
        ("[agents.a]\nstart_period = '99999d'", '2: agents.a.start_period: expected at most 3660d, got "99999d"'),
        ("[agents.a]\nrestart_after = '1'", '2: agents.a.restart_after: expected a whole number, got "1"'),
        ("[agents.a]\nrestart_after = true", "2: agents.a.restart_after: expected a whole number, got true"),
        ("[agents.a]\nescalate_after = 0", "2: agents.a.escalate_after: expected at least 1, got 0"),
        ("[gate]\nshare = -1", "2: gate.share: expected at least 0, got -1"),
        ("[gate]\nshare = nan", "2: gate.share: expected a finite number, got nan"),
        ("[gate]\nlimit = '0s'", '2: gate.limit: expected more than 0s, got "0s"'),
        ("[watch]\ndiscover = 'yes'", '2: watch.discover: expected true or false, got "yes"'),
        ("[watch]\nstep = '0.1ms'", '2: watch.step: expected at least 1ms, got "0.1ms"'),
        ("[outbox]\ntimeout = []", f"2: outbox.timeout: {NO_UNIT}, got an empty list"),
        ("paths = 7", "1: paths: expected a table, got 7"),
        ("[paths]\ncache = 7", "2: paths.cache: expected a path, got 7"),
        ("[paths]\ncache = '~nobody-here/x'", "2: paths.cache: there is no user 'nobody-here', got \"~nobody-here/x\""),
        ('[paths]\ncache = "a\\u0000"', f'2: paths.cache: {NO_PATH}, got "a\\u0000"'),
        ("[agents.'../x']", f'1: agents."../x": {NO_NAME}'),
        ("[agents.supervisor]", "1: agents.supervisor: 'supervisor' is the supervisor's own word: choose another name"),
        (
            "[agents.a.restart]\nkind = 'comand'\ncommand = ['x']",
            '2: agents.a.restart.kind: unknown kind "comand": did you mean "command"?',
        ),
        ("[agents.a.restart]\nkind = 'command'", "1: agents.a.restart.command: is required"),
        (
            "[agents.a.restart]\nkind = 'command'\ncommand = []",
            "3: agents.a.restart.command: expected a length of at least 1, got an empty list",
        ),
        (
            "[agents.a.restart]\nkind = 'command'\ncommand = [7]",
            "3: agents.a.restart.command[0]: expected a text, got 7",
        ),
        (
            "[agents.a.restart]\nkind = 'command'\ncommand = ['x', 7]",
            "3: agents.a.restart.command[1]: expected a text, got 7",
        ),
        (
            "[agents.a.restart]\nkind = 'command'\ncommand = ['x']\nbackof = 1",
            '4: agents.a.restart.backof: unknown key "backof": did you mean "backoff"?',
        ),
        (
            "[defaults.restart]\nmax_restart = 1",
            '2: defaults.restart.max_restart: unknown key "max_restart": did you mean "max_restarts"?',
        ),
        (
            "[defaults.restart]\nbackoff = '10m'",
            "2: defaults.restart.backoff: expected at most backoff_max (5m), got 10m",
        ),
        ("[agents.a.restart]\nkind = 'systemd'\njitter = 2", "3: agents.a.restart.jitter: expected at most 1, got 2"),
        (
            "[agents.a.restart]\nkind = 'systemd'\nworking_directory = ''",
            f"3: agents.a.restart.working_directory: {NO_PATH}",
        ),
        ("[channels.a]", "1: channels.a.kind: is required"),
        ("[channels.a]\nkind = 'file'", "1: channels.a.path: is required"),
        ("[channels.a]\nkind = 'file'\npath = 7", "3: channels.a.path: expected a path, got 7"),
        (
            "[escalation]\nchain = [{ channel = 'ops' }]",
            '2: escalation.chain[0].channel: unknown channel "ops": there is none',
        ),
        (
            "[metrics]\ntextfile = '/node/c.txt'",
            f'2: metrics.textfile: {NO_PROM}, got "/node/c.txt"',
        ),
        (
            "[ping]\nurl_file = 'a'\nurl_env = 'B'",
            "1: ping: expected one of url_file, url_env and url_credential, not 2 of them",
        ),
        (
            "[ping]\nurl_file = 'a'\nurl = 'https://example.org'",
            "1: ping: expected one of url, url_file, url_env and url_credential, not 2 of them",
        ),
        ("[journal]\nretention = 1979-05-27", f"2: journal.retention: {NO_UNIT}, got 1979-05-27"),
    ],
)
def test_one_clear_line(read: Read, text: str, expected: str) -> None:
    assert problems(read, text) == [expected]


def test_a_restart_without_a_kind_lists_the_kinds(read: Read) -> None:
    [line] = problems(read, "[agents.a.restart]\nbackoff = '1s'")
    assert line.startswith("1: agents.a.restart.kind: is required: one of command, managed")


def test_a_kind_like_no_other_lists_the_kinds(read: Read) -> None:
    [line] = problems(read, "[channels.a]\nkind = 'telepathy'")
    assert line.startswith(
        '2: channels.a.kind: unknown kind "telepathy": expected one of alertmanager, apprise, command,'
    )


STRANGER = """
from pydantic import BaseModel, ConfigDict

class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    loft: str

class Notifier:
    pass
"""


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("pigeons_fly", STRANGER, []),
        ("pigeons_lost", STRANGER, ['3: channels.a.lofty: unknown key "lofty": did you mean "loft"?']),
        ("pigeons_dead", "1 / 0", ["2: channels.a.kind: 'pigeon' can not be imported: ZeroDivisionError("]),
    ],
)
def test_a_strangers_kind(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, module: str, text: str, expected: list[str]
) -> None:
    (tmp_path / f"{module}.py").write_text(text)
    (tmp_path / f"{module}-1.dist-info").mkdir()
    entry = f"[collections_supervisor.notifiers]\npigeon = {module}\n"
    (tmp_path / f"{module}-1.dist-info/entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = "[channels.a]\nkind = 'pigeon'\n{}loft = 'roof'"
    if expected:
        found = problems(read, config.format("lofty = 1\n"))
        assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected
    else:
        chosen = read(config.format("")).channels["a"]
        assert (chosen.plugin.make.__module__, chosen.config.model_dump()) == (module, {"loft": "roof"})


def test_the_chain_names_channels_and_never_goes_back(read: Read) -> None:
    chain = """
[escalation]
chain = [
  { channel = "opps", delay = "5m" },
  { channel = "ops", delay = "1m" },
]
"""
    at = CHANNELS.count("\n") + 3
    assert problems(read, CHANNELS + chain) == [
        f'{at}: escalation.chain[0].channel: unknown channel "opps": did you mean "ops"?',
        f"{at}: escalation.chain[1].delay: expected at least 5m, the delay of the step before, got 1m",
    ]


def test_what_is_wrong_in_the_defaults_is_said_once_and_there(read: Read) -> None:
    text = "[defaults.restart]\nkind = 'command'\ncommand = 'x'\n[agents.a]\n[agents.b]\n"
    text += "[agents.c.restart]\ntimeout = '1s'"
    assert problems(read, text) == ['3: defaults.restart.command: expected a list, got "x"']


def test_every_problem_is_told_from_top_to_bottom(read: Read) -> None:
    text = "[watch]\ndiscover = 1\n[agents.b]\nx = 1\nrestart_after = 0\n[agents.a]\ny = 1"
    assert [problem.partition(":")[0] for problem in problems(read, text)] == ["2", "4", "5", "7"]


@pytest.mark.parametrize(
    "keys",
    [
        "token = 'hunter2'",
        "url = 'https://ann:hunter2@example.org/hunter2?hunter2', headers = { a = 7 }",
        "url = 'gopher://example.org/hunter2'",
        "url = 'https://example.org', token_file = ['hunter2']",
        "url = 'https://example.org', token_env = 'hunter2 hunter2'",
        "url = 'https://example.org', headers = { authorization = 'hunter2' }",
    ],
)
def test_secrets_are_not_repeated(read: Read, keys: str) -> None:
    found = problems(read, f"channels = {{ hook = {{ kind = 'webhook', {keys} }} }}")
    assert "hunter2" not in "\n".join(found)


@pytest.mark.parametrize("url", ["htps://example.org/hunter2", "hunter2", "https://", 7])
def test_an_address_that_is_wrong_is_not_repeated(read: Read, url: object) -> None:
    (said,) = problems(read, f"[ping]\nurl = {url!r}")
    assert said.startswith("2: ping.url: ")
    assert "hunter2" not in said


def test_a_mail_that_can_not_be_meant_says_so_by_its_keys(read: Read, tmp_path: Path) -> None:
    (tmp_path / "bad.j2").write_text("a\n{{ nope }}")
    text = "[channels.a]\nkind = 'email'\nhost = 'mail.example.org'\nform = 'sup@example.org'\nsecurity = 'none'\n"
    text += f"template = '{tmp_path / 'bad.j2'}'\nto = ['ann']"
    found = problems(read, text)
    assert found[:2] == [
        "1: channels.a.from: is required",
        '4: channels.a.form: unknown key "form": did you mean "from"?',
    ]
    assert found[2].startswith('5: channels.a.security: expected "starttls" or "tls": ')
    assert found[3] == f"6: channels.a.template: {tmp_path / 'bad.j2'}:2: 'nope' is undefined"
    assert found[4] == '7: channels.a.to[0]: expected a mail address, such as ann@example.org, got "ann"'


def test_addresses_that_are_secrets_are_not_repeated(read: Read, tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("pigeon://hunter2")
    found = problems(read, f"[channels.a]\nkind = 'apprise'\nurls_file = '{tmp_path / 'urls'}'")
    assert found == ["1: channels.a: line 1 of the addresses is none that Apprise understands"]


# --- files that are none -----------------------------------------------------------------------------


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    for explicit, environ in ((path, HOME), (None, {**HOME, "COLLECTIONS_SUPERVISOR_CONFIG": str(path)})):
        with pytest.raises(ConfigError) as caught:
            load(explicit, environ)
        assert str(caught.value) == f"{path}: can not be read: No such file or directory"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(ConfigError, match=f"^{path}: (is not a regular file|can not be read: Is a directory)$"):
            load(path, HOME)


def test_a_link_to_a_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("[agents.a]")
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert list(load(tmp_path / "link.toml", HOME).agents) == ["a"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"# fine\n# \xff\n", ":2: is not UTF-8: byte 0xff"),
        (b"#" * (1 << 20) + b"#", ": is larger than 1 MiB"),
        (b"[gate]\nsettle = \n", ":2: is not TOML: Invalid value"),
        (b"[gate]\n[gate]\n", ":2: is not TOML: Cannot declare ('gate',) twice"),
        (b"a = 1\x00", ":1: is not TOML: Expected newline or end of document after a statement"),
        (b"a = " + b"[" * 100_000, ": is nested too deeply"),
        (b"a = " + b"9" * 5000, ": is not TOML: Exceeds the limit"),
    ],
)
def test_bytes_that_are_no_toml(tmp_path: Path, raw: bytes, expected: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(path, HOME)
    assert str(caught.value).startswith(f"{path}{expected}")
    assert "\n" not in str(caught.value)


KEYS = st.sampled_from(
    ["agents", "a", "restart", "kind", "backoff", "channels", "chain", "escalation", "share", "gate"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["command", "1s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08X}" for c in value if not 0xD800 <= ord(c) < 0xE000) + '"'
    return "0" if value is None else str(value).lower()


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_toml_is_settings_or_a_config_error(document: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    tomllib.loads(text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.toml")
        path.write_text(text, encoding="utf-8")
        try:
            said: tuple[str, ...] = ()
            settings = load(path, HOME)
        except ConfigError as error:
            said = error.problems
        assert said or settings.agents
        assert all(problem.startswith(f"{path}:") and problem.isprintable() for problem in said)


def test_no_kind_is_imported_that_is_not_in_use() -> None:
    code = """
import sys
from supervisor.settings import load
load(None, {"HOME": "/nonexistent"})
print([n for n in sys.modules if n.startswith(("supervisor.restarters.", "supervisor.notifiers.", "aiohttp"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("zone", ["America/Bogota", "UTC", "Etc/GMT+5"])
def test_a_time_zone(read: Read, zone: str) -> None:
    assert read(f'[dashboard]\nlanguage = "es"\ntime_zone = "{zone}"').dashboard.time_zone == zone


@pytest.mark.parametrize("zone", ["Bogota", "America", "", "../UTC", "/etc/passwd", "\\u0000", "x" * 5000])
def test_what_is_no_time_zone_is_refused(read: Read, zone: str) -> None:
    with pytest.raises(ConfigError, match=r'dashboard.time_zone.*expected a time zone .*"America/Bogota"'):
        read(f'[dashboard]\ntime_zone = "{zone}"')
