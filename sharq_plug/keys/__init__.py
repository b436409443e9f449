"""Keys: the built-in answer to who may call. A TOML file lists them."""

from sharq_plug.keys.authenticator import KeysAuthenticator

__all__ = ["KeysAuthenticator"]
