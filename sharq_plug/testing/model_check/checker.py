"""Judging a history by the rules of the contract, knowing nothing but the history."""

from sharq_plug.testing.model_check.exact.judge import check_exactly
from sharq_plug.testing.model_check.history import History
from sharq_plug.testing.model_check.sound.deliveries import check_deliveries
from sharq_plug.testing.model_check.sound.evidence import gather
from sharq_plug.testing.model_check.sound.expiries import check_expiries
from sharq_plug.testing.model_check.sound.fencing import check_fencing
from sharq_plug.testing.model_check.sound.keys import check_keys
from sharq_plug.testing.model_check.sound.letters import check_letters
from sharq_plug.testing.model_check.sound.listings import check_listings
from sharq_plug.testing.model_check.sound.order import check_order
from sharq_plug.testing.model_check.sound.presence import check_presence
from sharq_plug.testing.model_check.sound.rate import check_rate
from sharq_plug.testing.model_check.sound.repeats import check_repeats
from sharq_plug.testing.model_check.sound.times import check_times
from sharq_plug.testing.model_check.sound.totals import check_totals
from sharq_plug.testing.model_check.violations import Violation


def check(history: History) -> list[Violation]:
    """Return the violations of the contract that a history shows.

    Of any history, with calls that overlap, have no answer or were not seen (as `History` says):
    what no order of them explains. It never reports what could have happened legally, so it
    leaves open what cannot be known: the order between queues, `next_ready_at`, minute counts,
    wake-ups.

    Of a history that is exact (`History.is_exact`), also every answer that the contract
    does not allow, up to the first event with one.
    """
    found = check_exactly(history) if history.is_exact else []
    return found + check_soundly(history)


def check_soundly(history: History) -> list[Violation]:
    """Return the violations that show however the calls overlapped."""
    evidence = gather(history)
    return [
        *check_rate(evidence),
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
