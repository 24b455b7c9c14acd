#!/usr/bin/env python3
"""kill -9 and broken disks at system calls, against Dovecot."""
# timeout: 1800

import unittest

import crash
import places
import servers
import syscalls
import tap

EACH = 1 if crash.SWEEP else 3
LEAST = 40 if crash.SWEEP else 12


class Calls(unittest.TestCase):
    def setUp(self):
        syscalls.needed()
        self.server = servers.Dovecot().start()
        self.addCleanup(self.server.close)

    def killed(self, plan):
        t = places.on_dovecot(self.server, self.server, plan)
        t.undisturbed()
        t.kill_at_calls(EACH)
        t.verdict('kill at a call', 'Dovecot', LEAST)

    def test_killed_at_each_call(self):
        self.killed(crash.PLAN)

    def test_killed_where_labels_are_folders(self):
        self.killed(crash.FOLDERS)

    def test_each_call_fails(self):
        t = places.on_dovecot(self.server, self.server)
        t.fail_calls(EACH)
        t.verdict('a call fails', 'Dovecot', LEAST)


if __name__ == '__main__':
    tap.main()
