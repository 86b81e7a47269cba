"""Stores: each keeps what must outlive the process. A module a store; strangers to one another."""
