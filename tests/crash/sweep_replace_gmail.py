#!/usr/bin/env python3
"""The connection to a server that behaves as Gmail does is cut behind each
octet while messages are rewritten."""

import unittest

import disturbed
import gmail
import rewriting
import tap


class Gmail(disturbed.Octets, unittest.TestCase):
    store = 'like Gmail'

    def start(self):
        server = gmail.Server().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return rewriting.on_gmail(self.server, self.proxy)


if __name__ == '__main__':
    tap.main()
