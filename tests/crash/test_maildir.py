#!/usr/bin/env python3
"""kill -9 and broken disks, on a Maildir: all mail once, in its place."""
# timeout: 900

import unittest

import crash
import places
import syscalls
import tap

EACH = 1 if crash.SWEEP else 2
LEAST = 40 if crash.SWEEP else 20


class Crash(unittest.TestCase):
    def killed(self, plan):
        syscalls.needed()
        t = places.on_maildir(plan)
        t.undisturbed()
        t.kill_at_calls(EACH)
        t.verdict('kill at a call', 'Maildir', LEAST)

    def test_killed_at_each_call(self):
        self.killed(crash.PLAN)

    def test_killed_where_labels_are_folders(self):
        self.killed(crash.FOLDERS)

    def test_each_call_fails(self):
        syscalls.needed()
        t = places.on_maildir()
        t.fail_calls(EACH)
        t.verdict('a call fails', 'Maildir', LEAST)


if __name__ == '__main__':
    tap.main()
