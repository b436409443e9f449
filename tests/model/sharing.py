"""A crowd whose queues use shared limits, which are made, changed and dropped meanwhile."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from model.crowded import LIMITS, QUEUE_IDS, Crowd

from sharq_plug.model import (
    Delivery,
    DropLimit,
    Extras,
    Fail,
    FreezeLimit,
    LeaseRef,
    Limit,
    LimitRules,
    NewJob,
    PatchLimit,
    PatchQueue,
    PatchType,
    Release,
    Remaining,
    Setting,
    SettingsPatch,
    Settlement,
    SharedLimits,
    Use,
)
from sharq_plug.testing.model_check import History, OpenStore

NAMES = ["s", "t", "u"]
CREATED = (Limit(1, 4, burst=3),)
USES: Sequence[tuple[str, ...]] = [(), ("s",), ("s",), ("t",), ("s", "t"), ("s", "t"), ("t", "u")]
BROUGHT: Sequence[tuple[Use, ...] | None] = [
    None,
    None,
    (),
    (Use("s", CREATED),),
    (Use("s", CREATED), Use("t", CREATED)),
    (Use("t"),),
    (Use("u"),),
]
SHARED_LIMITS: Sequence[Any] = [*LIMITS[2:], (Limit(1, 3, burst=5),)]


class SharingCrowd(Crowd):
    """A crowd at queues with shared limits."""

    def _new_job(self, number: int) -> NewJob:
        job = super()._new_job(number)
        extras = msgspec.structs.replace(job.extras or Extras(), uses=self._chance.choice(BROUGHT))
        return msgspec.structs.replace(job, extras=extras)

    def _change(self) -> Setting:
        chance = self._chance
        name, uses = chance.choice(NAMES), chance.choice([None, *USES])
        match chance.choice("pppplllluudo"):
            case "p":
                return self._patch_limit(name)
            case "l":
                return PatchLimit(name, SettingsPatch(limits=chance.choice(SHARED_LIMITS)))
            case "u":
                return PatchQueue(chance.choice(QUEUE_IDS), SettingsPatch(uses=uses))
            case "d":
                return PatchType(defaults=SettingsPatch(uses=uses))
            case _:
                return chance.choice([DropLimit(name), super()._change()])

    def _patch_limit(self, name: str) -> PatchLimit:
        chance, now = self._chance, self._clock.now()
        return PatchLimit(
            name,
            self._patch("limits", "concurrency", "paused"),
            chance.choice([None, None, 0, 10, 25]),
            chance.choice([msgspec.UNSET, None, Remaining(2, now + 20), Remaining(4, now + 50)]),
            chance.choice([None, None, None, (LimitRules().tag(),)]),
        )

    async def _operate(self) -> None:
        await self._try(self._store.configure("t", [self._patch_limit(name) for name in NAMES]))
        await super()._operate()
        opened = SettingsPatch(paused=None, concurrency=None)
        changes = [PatchLimit(name, opened, 0, None) for name in NAMES]
        await self._try(self._store.configure("t", changes))

    async def _look(self) -> None:
        await super()._look()
        await self._try(self._store.page("t", SharedLimits(), limit=100))

    async def _settle(self, job: Delivery) -> None:
        chance = self._chance
        if chance.random() < 0.8:
            await super()._settle(job)
            return
        lease = LeaseRef(job.queue_id, job.job_id, job.token)
        freeze = FreezeLimit(chance.choice(NAMES), chance.choice([5, 15]))
        item: Settlement = Release(lease, freeze_limit=freeze)
        if chance.random() < 0.5:
            item = Fail(lease, freeze_limit=freeze)
        await self._try(self._store.settle("t", [item]))


def sharing(open_store: OpenStore, seed: int) -> History:
    """Return what such a crowd saw of a store."""
    return asyncio.run(SharingCrowd(open_store, seed).history())
