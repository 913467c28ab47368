"""SIGTERM to Snakemake, and to the Snakemake around each job of a cluster.

Seen with Snakemake 9.27.1: its handler takes the scheduler's lock, and the one within its semaphore. If the signal
comes while the main thread holds one of them, it waits for itself for ever. A lock that can be taken twice would do for
the first one alone.
"""

import sys
from threading import Thread

SCHEDULING = "snakemake.scheduling.job_scheduler"


def stop_in_a_thread() -> None:
    """Let schedulers that are made from now on do in a thread what they do on SIGTERM.

    Another version of Snakemake, without what is changed, is left as it is.
    """
    scheduler = getattr(sys.modules.get(SCHEDULING), "JobScheduler", None)
    leave = getattr(scheduler, "exit_gracefully", None)
    if leave is None or hasattr(leave, "in_a_thread"):
        return

    def leaving(self: object, *signal: object) -> None:
        Thread(target=leave, args=(self, *signal), daemon=True).start()

    leaving.in_a_thread = True
    scheduler.exit_gracefully = leaving
