#!/usr/bin/env python3
"""The connection to Cyrus is cut behind each octet."""

import unittest

import disturbed
import places
import servers
import tap


class Cyrus(disturbed.Octets, unittest.TestCase):
    store = 'Cyrus'

    def start(self):
        server = servers.Cyrus().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return places.on_cyrus(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
