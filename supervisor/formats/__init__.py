"""Bytes to values and back: pure, over the domain. Reads no file, knows no clock."""
