"""The rules of what removes or moves many at a time: clearings, and ranges of dead letters."""

from collections import Counter
from collections.abc import Iterator, Set

from sharq_plug.model import LIVING, AmendOutcome, Cleared, JobState, LettersMoved
from sharq_plug.testing.model_check.exact.facts import Facts, Finding, differences
from sharq_plug.testing.model_check.exact.jobs import redriven
from sharq_plug.testing.model_check.exact.ledger import TypeLedger
from sharq_plug.testing.model_check.operations import ClearStep, DiscardRange, RedriveRange
from sharq_plug.testing.model_check.violations import Rule


def judge_clear(
    facts: Facts, queue_type: str, step: ClearStep, answer: Cleared, now: int
) -> Iterator[Finding]:
    """Judge a step of a clearing. Its steps follow each other at once, so the first removes all.

    What the later ones may still say that they removed is kept in `facts`.
    """
    what, ledger = step.what, facts.of(queue_type)
    if step.cursor is None:
        queue_ids = ledger.listed() if what.queue_id is None else {what.queue_id}
        gone: Counter[JobState] = Counter()
        for queue_id in sorted(queue_ids):
            gone += _cleared(ledger, queue_id, what.states, now)
            if what.counts:
                facts.tallies.purged(queue_type, queue_id)
        if what.counts and what.queue_id is None:
            facts.tallies.doubt_others(queue_type, queue_ids, now)
        facts.to_clear = gone
    found = Counter(
        {
            JobState.WAITING: answer.waiting,
            JobState.LEASED: answer.leased,
            JobState.DEAD: answer.dead,
            JobState.DELAYED: answer.delayed,
        }
    )
    facts.to_clear.subtract(found)
    left = {state.value: count for state, count in facts.to_clear.items() if count}
    if any(count < 0 for count in left.values()) or (answer.cursor is None and left):
        yield Rule.COUNTS, f"{found} were cleared, and then {left} are left"
    in_steps = found[JobState.DEAD] if what.states >= LIVING else found.total()
    if in_steps > step.limit:
        yield Rule.COUNTS, f"{in_steps} jobs or letters go in a step of {step.limit}"


def _cleared(
    ledger: TypeLedger, queue_id: str, states: Set[JobState], now: int
) -> Counter[JobState]:
    """Note a clearing of a queue; return how many jobs and letters of each state went."""
    gone: Counter[JobState] = Counter()
    for life in list(ledger.queue(queue_id).lives.values()):
        state = life.state(now)
        if state in states:
            gone[state] += 1
            ledger.removed(life, now)
    for letter in ledger.letters.of(queue_id) if JobState.DEAD in states else ():
        gone[JobState.DEAD] += 1
        ledger.letters.remove(letter, "discarded")
    return gone


def judge_range(
    facts: Facts,
    queue_type: str,
    step: RedriveRange | DiscardRange,
    answer: LettersMoved,
    now: int,
) -> Iterator[Finding]:
    """Judge a redrive or a discard of a range, letter by letter."""
    ledger = facts.of(queue_type)
    those = ledger.letters.within(step.letters)
    looked_at = those[: step.limit]
    moved = 0
    for letter in looked_at:
        if isinstance(step, RedriveRange):
            moved += redriven(ledger, letter, now) is AmendOutcome.DONE
        else:
            ledger.letters.remove(letter, "discarded")
            moved += 1
    after = looked_at[-1].number if len(those) > len(looked_at) else None
    expected = LettersMoved(moved, duplicates=len(looked_at) - moved, after=after)
    yield from differences(Rule.LETTERS, "what was moved", answer, expected)
