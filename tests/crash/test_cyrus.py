#!/usr/bin/env python3
"""kill -9, lost connections and refusals at commands, against Cyrus."""
# timeout: 900

import unittest

import disturbed
import places
import servers
import tap


class Cyrus(disturbed.Commands, unittest.TestCase):
    store = 'Cyrus'

    @classmethod
    def setUpClass(cls):
        cls.cyrus = servers.Cyrus().start()
        cls.addClassCleanup(cls.cyrus.close)

    def start(self):
        return self.cyrus

    def trial(self):
        return places.on_cyrus(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
