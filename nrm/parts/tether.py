"""Becomes another program that dies with its parent. Run by path with `python -I -S`; imports nothing of ours.

The kernel sends the signal when the *thread* that started us ends, so start parts from a thread that lives as long
as they should. A program that changes its user loses the tether, hence the user is changed here, first.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Take `parent death-signal uid gid program…` and become the program; uid -1 keeps the user."""
    parent, death_signal, uid, gid = (int(word) for word in arguments[:4])
    program = arguments[4:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # absent off Linux: there only an orderly stop is covered
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before the tether was on
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv(program[0], program)  # noqa: S606 - becoming the program is what this file is for


if __name__ == "__main__":
    main(sys.argv[1:])
