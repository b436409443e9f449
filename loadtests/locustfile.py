"""Producers and workers for locust. Together they are the mixed run.

A load checks the answers while it runs and when it ends. It fails if a job was early, came twice
under a lease that stood, or was lost, and if an answer was unexpected.

    PYTHONPATH=tests locust -f loadtests/locustfile.py --host http://127.0.0.1:8080

Run it in the root of the repository. It uses its own queue type, and leaves no job
behind.
"""

import logging
import random
import time
from typing import Any, ClassVar

from locust import FastHttpUser, constant, constant_throughput, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopTest
from locust.runners import LocalRunner

from loadtests.ledger import Lease
from loadtests.load import INTERVALS, CannotLoad, Load
from loadtests.queues import Queue

logger = logging.getLogger(__name__)

BATCH = 100
JOBS_A_QUEUE = 10
"""Jobs of a batch that go into the same queue."""
POLL = 0.2
"""Seconds before a worker asks again after an empty answer."""
WAIT = 2000
"""The wait (ms) of a worker."""
STOP_TIMEOUT = 2 * WAIT / 1000
"""Seconds for a request to end, when locust stops."""
FAILING = 0.005
"""The share of jobs whose worker dies before the finish."""


def takes_jobs(queue: Queue) -> bool:
    """Return whether jobs may be enqueued."""
    return not queue.is_changing


def is_at_rest(queue: Queue) -> bool:
    """Return whether its interval may be changed, with an effect."""
    return queue.jobs > 0 and not (queue.is_changing or queue.enqueues)


def is_done() -> bool:
    """Return whether a worker finishes a job, by chance."""
    return random.random() >= FAILING


class Client(FastHttpUser):
    """The common base of producers and workers."""

    abstract = True
    load: ClassVar[Load]
    wait_time = constant(0)

    def on_start(self) -> None:
        """Begin."""
        self.calls = self.load.calls(self.client)


class Producer(Client):
    """Enqueue ten jobs a second, each by itself."""

    weight = 10
    wait_time = constant_throughput(10)

    @task
    def enqueue(self) -> None:
        """Enqueue a job."""
        self.calls.enqueue_one(self.load.pick(takes_jobs))


class BatchProducer(Client):
    """Enqueue two batches a second."""

    weight = 5
    wait_time = constant_throughput(2)

    @task
    def enqueue(self) -> None:
        """Enqueue a batch: ten jobs into each of ten queues."""
        picked = [self.load.pick(takes_jobs) for _ in range(BATCH // JOBS_A_QUEUE)]
        queues = [
            queue for queue in picked if takes_jobs(queue)
        ]  # each pick may have taken a while
        if queues:
            self.calls.enqueue_many([queue for queue in queues for _ in range(JOBS_A_QUEUE)])


class PollingWorker(Client):
    """Ask for a job again and again."""

    weight = 5

    @task
    def work(self) -> None:
        """Dequeue and finish a job."""
        lease = self.calls.dequeue_one(name="dequeue, polling")
        if lease is None:
            time.sleep(POLL)
        elif is_done():
            self.calls.finish_one(lease)


class WaitingWorker(Client):
    """Ask for a job with a wait."""

    weight = 10

    @task
    def work(self) -> None:
        """Dequeue and finish a job."""
        lease = self.calls.dequeue_one(name="dequeue, waiting", wait=WAIT)
        if lease is not None and is_done():
            self.calls.finish_one(lease)


class BatchWorker(Client):
    """Ask for many jobs at once."""

    weight = 5

    @task
    def work(self) -> None:
        """Dequeue a batch and finish it."""
        done: list[Lease] = [lease for lease in self.calls.dequeue_many(BATCH) if is_done()]
        if done:
            self.calls.finish_many(done)
        else:
            time.sleep(POLL)


class IntervalChanger(Client):
    """Change the interval of a queue that has jobs, five times a second."""

    weight = 1
    wait_time = constant_throughput(5)

    @task
    def change(self) -> None:
        """Change the interval of a queue."""
        queue = self.load.pick(is_at_rest)
        self.calls.change_interval(queue, random.choice(INTERVALS))


def add_options(parser: LocustArgumentParser) -> None:
    """Add what only this load knows."""
    parser.add_argument("--queues", type=int, default=3000, help="queues to spread the jobs over")


def prepare(environment: Environment, **_: Any) -> None:
    """Let what is under way come to its end, when locust stops."""
    if not isinstance(environment.runner, LocalRunner):
        raise SystemExit("The checks have to see every job: run locust as one process.")
    environment.stop_timeout = max(environment.stop_timeout, STOP_TIMEOUT)


def begin(environment: Environment, **_: Any) -> None:
    """Begin a load with a queue type of its own."""
    assert environment.parsed_options is not None
    queues = environment.parsed_options.queues
    environment.host = (environment.host or "").rstrip("/")
    try:
        Client.load = Load(environment.host, environment.events.request, queues=queues)
    except CannotLoad as error:
        environment.process_exit_code = 1
        raise StopTest(str(error)) from None


def end(environment: Environment, **_: Any) -> None:
    """Settle the load, and report."""
    if not hasattr(Client, "load"):
        return  # it never began
    load = Client.load
    del Client.load
    logger.info("%s. Taking the jobs that are left to their end ...", load)
    try:
        kept = load.settle()
    except CannotLoad as error:
        logger.error("%s", error)  # noqa: TRY400  # the message says it all
        kept = False
    if kept:
        logger.info("Every rule was kept.")
    else:
        environment.process_exit_code = 1


def stop_first(environment: Environment, **_: Any) -> None:
    """Run the checks before locust computes its exit status, also after Ctrl-C."""
    assert environment.runner is not None
    environment.runner.stop()


hooks: Any = events  # they have no types
hooks.init_command_line_parser.add_listener(add_options)
hooks.init.add_listener(prepare)
hooks.test_start.add_listener(begin)
hooks.test_stop.add_listener(end)
hooks.quitting.add_listener(stop_first)
