"""The configuration of the city, but for its agents: an hour is `timeout` seconds there."""

from __future__ import annotations

LAW = """\
[paths]
cache = "cache"
state = "state"
data = "data"
socket = "s"
[gate]
settle = "1s"
[defaults]
heartbeat_timeout = "{timeout}s"
check_interval = "8s"
progress_timeout = "30s"
loop_after = 5
[defaults.restart]
backoff = "1s"
backoff_max = "5s"
window = "1m"
reset_after = "30s"
slow_interval = "10s"
[escalation]
chain = [{{ channel = "hook", delay = "0s" }}, {{ channel = "record", delay = "5s" }}]
max_rounds = 2
repeat_interval = "20s"
ack_timeout = "10s"
group_wait = "2s"
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:{port}/hook"
timeout = "2s"
[channels.record]
kind = "file"
path = "people.jsonl"
[watch]
walk_every = "10s"
[books]
settle = "1s"
resync_every = "30s"
[journal]
retention = "1m"
[dashboard]
min_interval = "2s"
[metrics]
textfile = "collections.prom"
interval = "5s"
"""
