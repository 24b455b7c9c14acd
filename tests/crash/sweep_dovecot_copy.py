#!/usr/bin/env python3
"""The same without MOVE: COPY, STORE \\Deleted, UID EXPUNGE instead."""

import unittest

import disturbed
import places
import servers
import tap


class DovecotCopy(disturbed.Octets, unittest.TestCase):
    store = 'Dovecot without MOVE'

    def start(self):
        server = servers.Dovecot(capability=servers.BARE + ' UIDPLUS').start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return places.on_dovecot(self.server, self.proxy, by_files=True)


if __name__ == '__main__':
    tap.main()
