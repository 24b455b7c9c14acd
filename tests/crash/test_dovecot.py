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


def trial(server, connect_to):
    server.boxes = lambda: server.dump_all('alice')
    t = tamis.Tamis()
    t.rules(crash.RULES)
    t.config(crash.config(t.account(connect_to)))
    trial = crash.Trial(server, t)
    trial.begin(lambda: server.append('alice', 'INBOX', crash.MESSAGES))
    return trial


class Base:
    capability = None

    def setUp(self):
        self.server = servers.Dovecot(capability=self.capability).start()
        self.addCleanup(self.server.close)
        self.proxy = faultproxy.Proxy(self.server)
        self.addCleanup(self.proxy.close)

    def test_undisturbed(self):
        trial(self.server, self.server).undisturbed()

    def sweep(self, action, place):
        t = trial(self.server, self.proxy)
        t.faults_at_commands(self.proxy, action, place)
        t.verdict(10)

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
        t = trial(self.server, self.server)
        t.kill_at_calls()
        t.verdict(60)

    def test_each_call_fails(self):
        syscalls.needed()
        t = trial(self.server, self.server)
        t.fail_calls()
        t.verdict(40)


class WithoutMove(Base, unittest.TestCase):
    """COPY, STORE \\Deleted, UID EXPUNGE instead of MOVE."""
    capability = servers.BARE + ' UIDPLUS'


if __name__ == '__main__':
    tap.main()
