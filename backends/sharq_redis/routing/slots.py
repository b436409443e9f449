"""The slot of a key in a Redis Cluster."""

from binascii import crc_hqx

SLOTS = 16384


def slot_of(key: str) -> int:
    """Return the slot of a key: the CRC16 of its hash tag, or of the whole key if it has none.

    See https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    #key-distribution-model. Its CRC16 is the XMODEM variant, which `crc_hqx` computes.
    """
    begin = key.find("{")
    if begin >= 0:
        end = key.find("}", begin)
        if end > begin + 1:
            key = key[begin + 1 : end]
    return crc_hqx(key.encode(), 0) % SLOTS
