"""The signals by which the driver asks about an event that takes too long."""

import faulthandler
import signal

import _bruco


def prepare(with_timeout: bool) -> None:
    """SIGUSR2 shows every thread's traceback; SIGALRM raises bruco.Timeout, if there is one."""
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True, chain=False)
    if with_timeout:
        signal.signal(signal.SIGALRM, _bruco.raise_timeout)
