#!/usr/bin/env python3
"""The same where labels are folders."""

import unittest

import crash
import disturbed
import places
import servers
import tap


class DovecotFolders(disturbed.Octets, unittest.TestCase):
    store = 'Dovecot with MOVE'

    def start(self):
        server = servers.Dovecot().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return places.on_dovecot(self.server, self.proxy, crash.FOLDERS,
                                 by_files=True)


if __name__ == '__main__':
    tap.main()
