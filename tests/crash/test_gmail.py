#!/usr/bin/env python3
"""kill -9, lost connections, refusals, against a server that behaves as Gmail
does."""
# timeout: 900

import unittest

import crash
import disturbed
import gmail
import gmailplan
import tap


class Gmail(disturbed.Commands, unittest.TestCase):
    store = 'like Gmail'

    def start(self):
        server = gmail.Server().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return gmailplan.trial(self.server, self.proxy)

    def test_refused_and_done_all_the_same(self):
        self.sweep('no', 'reply', 1)

    def test_silence(self):
        """Each costs the time that we wait for an answer."""
        for place in ('command', 'reply'):
            t = gmailplan.trial(self.server, self.proxy, timeout='2s')
            t.faults_at_commands(self.proxy, 'stall', place, 5,
                                 1 if crash.SWEEP else 17)
            t.verdict('silence at a command', self.store,
                      40 if crash.SWEEP else 3)


if __name__ == '__main__':
    tap.main()
