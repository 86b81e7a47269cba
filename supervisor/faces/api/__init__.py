"""The HTTP API: one table of routes, of which the server and its OpenAPI document are made.

What stands here knows requests and answers, and asks `ports.Control` for all else.
"""
