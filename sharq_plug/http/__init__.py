"""The HTTP API: `api` says what there is, `corner` is `/-/`, `wire` runs both on Sanic.

Imports point one way: wire -> corner -> api.
"""
