"""What no configuration may say, each in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.settings import ConfigError
from tests.support.configured import Read, problems, reader

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


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return reader(tmp_path)


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


@pytest.mark.parametrize("zone", ["America/Bogota", "UTC", "Etc/GMT+5"])
def test_a_time_zone(read: Read, zone: str) -> None:
    assert read(f'[dashboard]\nlanguage = "es"\ntime_zone = "{zone}"').dashboard.time_zone == zone


@pytest.mark.parametrize("zone", ["Bogota", "America", "", "../UTC", "/etc/passwd", "\\u0000", "x" * 5000])
def test_what_is_no_time_zone_is_refused(read: Read, zone: str) -> None:
    with pytest.raises(ConfigError, match=r'dashboard.time_zone.*expected a time zone .*"America/Bogota"'):
        read(f'[dashboard]\ntime_zone = "{zone}"')
