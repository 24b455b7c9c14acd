"""Runs a program so that one of its system calls kills it or fails.

strace injects a signal or an error at the N-th call of one kind in a
process: the call is not carried out. It counts each kind of call by itself,
so a sweep goes through the kinds, and through the calls of each.
"""

import os
import shutil
import signal
import subprocess
import unittest

# What changes something outside the process.
WRITES = ('write', 'writev', 'pwrite64', 'pwritev', 'fsync', 'fdatasync',
          'rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink',
          'unlinkat', 'ftruncate', 'fallocate', 'mkdir', 'mkdirat', 'chmod',
          'fchmod', 'utimensat', 'sendto', 'sendmsg')
# (error, calls that may give it)
FAILURES = (
    ('ENOSPC', ('write', 'pwrite64', 'ftruncate', 'mkdir', 'mkdirat',
                'link', 'linkat', 'rename', 'renameat', 'renameat2')),
    ('EIO', ('fsync', 'fdatasync', 'pwrite64', 'unlink', 'unlinkat')),
)

KILLED = -signal.SIGKILL	# strace dies as its child did


def needed():
    if not shutil.which('strace'):
        raise unittest.SkipTest('strace is not installed')


def count(argv, env, cwd, calls=WRITES):
    """Runs it and counts: ({call: times}, exit status)."""
    log = os.path.join(cwd, 'strace.log')
    status = subprocess.run(
        ['strace', '-f', '-qq', '-o', log, '-e', 'signal=none', '-e',
         'trace=' + ','.join(calls), '--', *argv],
        env=env, cwd=cwd, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    times = dict.fromkeys(calls, 0)
    with open(log) as f:
        for line in f:
            name = line.split(None, 1)[1].partition('(')[0]
            if name in times:
                times[name] += 1
    os.unlink(log)
    return {k: v for k, v in times.items() if v}, status


def _strace(call, what, when):
    return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + call,
            '-e', 'inject=%s:%s:when=%s' % (call, what, when), '--']


def kill_at(call, nth):
    """Words before a command: SIGKILL instead of the N-th such call."""
    return _strace(call, 'signal=KILL', nth)


def fail_at(call, nth, error, on=''):
    """The N-th such call fails with ERROR; ON '+': all from there on."""
    return _strace(call, 'error=' + error, '%d%s' % (nth, on))
