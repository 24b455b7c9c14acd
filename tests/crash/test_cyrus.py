#!/usr/bin/env python3
"""kill -9 and lost connections at each command, against Cyrus."""
# timeout: 900

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import crash	# noqa: E402
import faultproxy	# noqa: E402
import servers	# noqa: E402
import tamis	# noqa: E402
import tap	# noqa: E402


class Place:
    """The same mail under new UIDs: Cyrus keeps its files to itself."""

    def __init__(self, server):
        self.server = server

    def boxes(self):
        return self.server.dump_all('alice')

    def fill(self):
        self.server.append('alice', 'INBOX', crash.MESSAGES)

    def save(self):
        pass

    def settle(self):
        pass

    def restore(self):
        self.empty()
        self.fill()

    def empty(self):
        with servers.closing(self.server.client()) as c:
            for name in servers.listed(servers.check(c.list())):
                servers.check(c.select(servers.quoted(name)))
                servers.check(c.uid('STORE', '1:*', '+FLAGS.SILENT',
                                    '(\\Deleted)'))
                servers.check(c.expunge())


class Cyrus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Cyrus().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.proxy = faultproxy.Proxy(self.server)
        self.addCleanup(self.proxy.close)
        place = Place(self.server)
        t = tamis.Tamis()
        t.rules(crash.RULES)
        t.config(crash.config(t.account(self.proxy)))
        place.empty()
        self.trial = crash.Trial(place, t)
        self.trial.begin(place.fill)

    def test_undisturbed(self):
        self.trial.undisturbed()

    def sweep(self, action, place):
        self.trial.faults_at_commands(self.proxy, action, place)
        self.trial.verdict(10)

    def test_killed_before_each_command(self):
        self.sweep('kill', 'command')

    def test_killed_after_each_command(self):
        self.sweep('kill', 'reply')

    def test_cut_after_each_command(self):
        self.sweep('cut', 'reply')


if __name__ == '__main__':
    tap.main()
