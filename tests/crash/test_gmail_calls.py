#!/usr/bin/env python3
"""kill -9 and broken disks at system calls, against a server that behaves as
Gmail does."""
# timeout: 1800

import unittest

import crash
import gmail
import gmailplan
import syscalls
import tap

EACH = 1 if crash.SWEEP else 8	# it is killed at each
LEAST = 60 if crash.SWEEP else 10


class Calls(unittest.TestCase):
    def setUp(self):
        syscalls.needed()
        self.server = gmail.Server().start()
        self.addCleanup(self.server.close)

    def test_killed_at_each_call(self):
        t = gmailplan.trial(self.server, self.server)
        t.undisturbed()
        t.kill_at_calls()
        t.verdict('kill at a call', 'like Gmail', 60)

    def test_each_call_fails(self):
        t = gmailplan.trial(self.server, self.server)
        t.fail_calls(EACH)
        t.verdict('a call fails', 'like Gmail', LEAST)


if __name__ == '__main__':
    tap.main()
