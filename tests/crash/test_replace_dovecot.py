#!/usr/bin/env python3
"""Messages are replaced on Dovecot, and the program is killed, cut off,
refused at each command."""
# timeout: 1800

import unittest

import disturbed
import places
import replaceplan
import servers
import tap


class Dovecot(disturbed.Commands, unittest.TestCase):
    store = 'Dovecot with MOVE'

    def start(self):
        server = servers.Dovecot().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return places.on_dovecot(self.server, self.proxy,
                                 replaceplan.Elsewhere())


if __name__ == '__main__':
    tap.main()
