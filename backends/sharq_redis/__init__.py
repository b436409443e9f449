"""A queue store in Redis or Valkey, each verb one Lua script."""
