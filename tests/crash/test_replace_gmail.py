#!/usr/bin/env python3
"""kill -9, lost connections and refusals at commands while messages are
rewritten, against a server that behaves as Gmail does."""
# timeout: 900

import unittest

import disturbed
import gmail
import rewriting
import tap


class Gmail(disturbed.Commands, unittest.TestCase):
    store = 'like Gmail'

    def start(self):
        server = gmail.Server().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return rewriting.on_gmail(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
