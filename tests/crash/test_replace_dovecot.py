#!/usr/bin/env python3
"""kill -9, lost connections and refusals at commands while messages are
rewritten, against Dovecot."""
# timeout: 900

import unittest

import disturbed
import rewriting
import servers
import tap


class Dovecot(disturbed.Commands, unittest.TestCase):
    store = 'Dovecot with MOVE'

    def start(self):
        server = servers.Dovecot().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return rewriting.on_dovecot(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
