"""Becomes another program, on a leash: ``python -I -S launch.py PARENT_PID USER program argument…``.

The program keeps this process' id, dies with the thread that started it (PR_SET_PDEATHSIG, SIGKILL: also when it is stopped), and, when USER is not "-", runs as that
user. Postgres refuses to run as root; so that it still reaches a workspace below a closed folder such as /root, a changed user keeps
exactly one capability, CAP_DAC_OVERRIDE. A separate program, since code between fork and exec is unsafe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 4
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def become(name: str, libc: ctypes.CDLL) -> None:
    """Change to the user ``name``, with CAP_DAC_OVERRIDE if this process may pass it on."""
    user = pwd.getpwnam(name)
    # access(2) ignores the capabilities of a user other than root, unless this bit is set; Postgres asks it about its own programs.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    bit = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    # Without the capability the program runs too, where the folders above its files are open.
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
    os.environ["HOME"] = "/"


def main() -> None:
    parent, user, *argv = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if user != "-":
        become(user, libc)
    # After the change of user, which clears it.
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("launch: the parent is gone")
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
