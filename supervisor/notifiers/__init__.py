"""How somebody is told: a file a kind, with its `Config` and its `Notifier`. Knows no other room but the ports."""
