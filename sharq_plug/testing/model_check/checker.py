"""Judging a history by the rules of the contract, knowing nothing but the history."""

from collections.abc import Iterator

from sharq_plug.testing.model_check.exact.judge import check_exactly
from sharq_plug.testing.model_check.history import History
from sharq_plug.testing.model_check.sound.concurrency import check_concurrency
from sharq_plug.testing.model_check.sound.deliveries import check_deliveries
from sharq_plug.testing.model_check.sound.evidence import Evidence, gather
from sharq_plug.testing.model_check.sound.expiries import check_expiries
from sharq_plug.testing.model_check.sound.fencing import check_fencing
from sharq_plug.testing.model_check.sound.foretold import check_foretold
from sharq_plug.testing.model_check.sound.held import check_held, without_times
from sharq_plug.testing.model_check.sound.holders import Holder, holders
from sharq_plug.testing.model_check.sound.keys import check_keys
from sharq_plug.testing.model_check.sound.left import check_left
from sharq_plug.testing.model_check.sound.letters import check_letters
from sharq_plug.testing.model_check.sound.listings import check_listings
from sharq_plug.testing.model_check.sound.order import check_order
from sharq_plug.testing.model_check.sound.pauses import check_pauses
from sharq_plug.testing.model_check.sound.presence import check_presence
from sharq_plug.testing.model_check.sound.rate import check_rate
from sharq_plug.testing.model_check.sound.refusals import check_answer, check_type_answer
from sharq_plug.testing.model_check.sound.repeats import check_repeats
from sharq_plug.testing.model_check.sound.shared_answers import check_shared_answers
from sharq_plug.testing.model_check.sound.times import check_times
from sharq_plug.testing.model_check.sound.told_holds import check_find, check_look
from sharq_plug.testing.model_check.sound.told_limits import check_limit_page, check_told
from sharq_plug.testing.model_check.sound.totals import check_totals
from sharq_plug.testing.model_check.sound.weights import check_weights
from sharq_plug.testing.model_check.violations import Violation


def check(history: History) -> list[Violation]:
    """Return the violations of the contract that a history shows.

    Of any history, with calls that overlap, have no answer or were not seen (as `History` says):
    what no order of them explains. It never reports what could have happened legally, so it
    leaves open what cannot be known: `next_ready_at`, minute counts, wake-ups, and the order
    between queues, but for their shares where all stay ready.

    Of a history that is exact (`History.is_exact`), also every answer that the contract
    does not allow, up to the first event with one.
    """
    found = check_exactly(history) if history.is_exact else []
    return found + check_soundly(history)


def check_soundly(history: History) -> list[Violation]:
    """Return the violations that show however the calls overlapped."""
    told, history = history, without_times(history)
    evidence = gather(history)
    return [
        *check_held(told, evidence),
        *_check_holders(evidence),
        *check_deliveries(evidence),
        *check_fencing(evidence),
        *check_expiries(evidence),
        *check_presence(evidence),
        *check_order(evidence),
        *check_repeats(history, evidence),
        *check_times(evidence),
        *check_keys(evidence),
        *check_letters(history, evidence),
        *check_listings(evidence),
        *check_totals(history, evidence),
    ]


def _check_holders(evidence: Evidence) -> Iterator[Violation]:
    """Yield what the limits, settings and weights of queues and types do not allow."""
    held = list(holders(evidence))
    for holder in held:
        yield from check_rate(holder)
        yield from check_concurrency(holder)
        yield from check_pauses(holder)
    for gate in (holder for holder in held if holder.is_gate):
        of_type = [one for one in held if one.queue_type == gate.name]
        queues = [one for one in of_type if one.is_queue]
        yield from check_weights(evidence, queues)
        yield from _check_told(evidence, gate, queues)
        yield from _check_shared(evidence, queues, [one for one in of_type if one.is_shared])


def _check_told(evidence: Evidence, gate: Holder, queues: list[Holder]) -> Iterator[Violation]:
    """Yield what was told wrongly of a type and its queues, or refused."""
    of_type = evidence.type(gate.name)
    for look in evidence.looks:
        if look.operation.queue_type == gate.name:
            yield from check_look(gate, gate, look)
    for change in of_type.changes:
        yield from check_type_answer(gate, of_type, change)
    for holder in queues:
        queue = evidence.queues[gate.name, holder.name]
        for look in queue.looks:
            yield from check_look(holder, gate, look)
        for event in queue.asked:
            yield from check_find(holder, gate, event)
            yield from check_answer(holder, event)
        yield from check_foretold(holder, queue)


def _check_shared(
    evidence: Evidence, queues: list[Holder], limits: list[Holder]
) -> Iterator[Violation]:
    """Yield what the shared limits of a type do not allow, or was told wrongly of them."""
    if not limits:
        return
    queue_type = limits[0].queue_type
    by_id, shared = {one.name: one for one in queues}, {one.name: one for one in limits}
    for limit in limits:
        yield from check_left(limit, evidence.limits.of(queue_type, limit.name))
    for page in evidence.pages:
        if page.operation.queue_type == queue_type:
            yield from check_limit_page(shared, page)
    for holder in queues:
        queue = evidence.queues[queue_type, holder.name]
        for event in (*queue.looks, *queue.asked):
            yield from check_told(holder, shared, event)
    yield from check_shared_answers(evidence, by_id, shared, queue_type)
