#!/usr/bin/env python3
"""The connection to Dovecot is cut behind each octet while messages are
rewritten."""

import unittest

import disturbed
import rewriting
import servers
import tap


class Dovecot(disturbed.Octets, unittest.TestCase):
    store = 'Dovecot with MOVE'

    def start(self):
        server = servers.Dovecot().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return rewriting.on_dovecot(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
