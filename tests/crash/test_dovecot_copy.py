#!/usr/bin/env python3
"""The same without MOVE: COPY, STORE \\Deleted, UID EXPUNGE instead."""
# timeout: 900

import unittest

import disturbed
import places
import servers
import tap


class DovecotCopy(disturbed.Commands, unittest.TestCase):
    store = 'Dovecot without MOVE'

    def start(self):
        server = servers.Dovecot(capability=servers.BARE + ' UIDPLUS').start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return places.on_dovecot(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
