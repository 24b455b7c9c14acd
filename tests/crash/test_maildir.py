#!/usr/bin/env python3
"""kill -9 and broken disks, on a Maildir: all mail once, in its place."""
# timeout: 900

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import crash	# noqa: E402
import maildir	# noqa: E402
import syscalls	# noqa: E402
import tamis	# noqa: E402
import tap	# noqa: E402


class Place:
    def __init__(self, path):
        self.path = path
        maildir.make(path)

    def boxes(self):
        return {k: [m._replace(path='') for m in v]
                for k, v in maildir.dump(self.path).items()}

    def save(self):
        shutil.copytree(self.path, self.path + '.saved')

    def restore(self):
        shutil.rmtree(self.path)
        shutil.copytree(self.path + '.saved', self.path)


def trial():
    folder = tempfile.mkdtemp()
    t = tamis.Tamis(folder)
    place = Place(folder + '/Maildir')
    t.rules(crash.RULES)
    t.config(crash.config({'maildir': place.path}))
    trial = crash.Trial(place, t)
    trial.begin(lambda: maildir.deliver(place.path, crash.MESSAGES))
    return trial


class Crash(unittest.TestCase):
    def setUp(self):
        self.trial = trial()

    def test_undisturbed(self):
        self.trial.undisturbed()

    def test_killed_at_each_call(self):
        syscalls.needed()
        self.trial.kill_at_calls()
        self.trial.verdict(40)

    def test_each_call_fails(self):
        syscalls.needed()
        self.trial.fail_calls()
        self.trial.verdict(40)


if __name__ == '__main__':
    tap.main()
