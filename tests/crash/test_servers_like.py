#!/usr/bin/env python3
"""kill -9, lost connections and refusals, against kinds of server that no
package offers: Exchange (no CONDSTORE, messages changed when they are stored,
EXPUNGE from above), and one without MOVE."""
# timeout: 900

import unittest

import disturbed
import gmail
import places
import tap


class Like(disturbed.Commands):
    profile = None

    def start(self):
        server = gmail.Server(self.profile).start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return places.on_server_like(self.server, self.proxy)


class ExchangeLike(Like, unittest.TestCase):
    profile, store = 'exchange', 'like Exchange'


class WithoutMove(Like, unittest.TestCase):
    profile, store = 'no_move', 'without MOVE'


if __name__ == '__main__':
    tap.main()
