"""The HTTP API.

`api` says what there is, `corner` is `/-/`, `description` tells of both, `wire` runs them on Sanic.
Imports point one way: wire -> description -> corner -> doors -> api.
"""
