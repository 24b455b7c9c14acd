#!/usr/bin/env python3
"""kill -9, lost connections and refusals, against Dovecot."""
# timeout: 1500

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import crash	# noqa: E402
import faultproxy	# noqa: E402
import servers	# noqa: E402
import syscalls	# noqa: E402
import tamis	# noqa: E402
import tap	# noqa: E402


class Base:
    capability = None

    def setUp(self):
        self.server = servers.Dovecot(capability=self.capability).start()
        self.addCleanup(self.server.close)
        self.server.boxes = lambda: self.server.dump_all('alice')
        self.proxy = faultproxy.Proxy(self.server)
        self.addCleanup(self.proxy.close)

    def trial(self, server):
        t = tamis.Tamis()
        t.rules(crash.RULES)
        t.config(crash.config(t.account(server)))
        trial = crash.Trial(self.server, t)
        trial.begin(lambda: self.server.append(
            'alice', 'INBOX', crash.MESSAGES))
        return trial

    def test_undisturbed(self):
        self.trial(self.server).undisturbed()

    def sweep(self, action, place):
        trial = self.trial(self.proxy)
        trial.faults_at_commands(self.proxy, action, place)
        trial.verdict(10)

    def test_killed_before_each_command(self):
        self.sweep('kill', 'command')

    def test_killed_after_each_command(self):
        self.sweep('kill', 'reply')

    def test_cut_before_each_command(self):
        self.sweep('cut', 'command')

    def test_cut_after_each_command(self):
        self.sweep('cut', 'reply')

    def test_each_command_refused(self):
        self.sweep('no', 'command')

    def test_bye_before_each_command(self):
        self.sweep('bye', 'command')


class Full(Base, unittest.TestCase):
    def test_killed_at_each_call(self):
        syscalls.needed()
        trial = self.trial(self.server)
        trial.kill_at_calls()
        trial.verdict(60)

    def test_each_call_fails(self):
        syscalls.needed()
        trial = self.trial(self.server)
        trial.fail_calls()
        trial.verdict(40)


class WithoutMove(Base, unittest.TestCase):
    """COPY, STORE \\Deleted, UID EXPUNGE instead of MOVE."""
    capability = servers.BARE + ' UIDPLUS'


if __name__ == '__main__':
    tap.main()
