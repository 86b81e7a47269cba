"""Coroutines around the pure machines. Names no concrete store, source, restarter, channel or face: the roof does."""
