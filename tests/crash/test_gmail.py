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
    each_kill = 1

    def start(self):
        server = gmail.Server().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return gmailplan.trial(self.server, self.proxy)

    def test_refused_and_done_all_the_same(self):
        self.sweep('no', 'reply', 1)

    def silence(self, where):
        """Each costs the time that we wait for an answer."""
        t = gmailplan.trial(self.server, self.server, timeout='2s')
        nth = 5
        while True:
            t.restore()
            self.server.control.fault('silence', '*', nth=nth, where=where)
            r = t.t.run('run')
            if not self.server.control.fired():
                break
            if r.status not in (0, 3, 75):
                t.say('silence at %d' % nth, 'exits %d' % r.status, r)
            self.server.control.calm()
            t.after('silence %s command %d' % (where, nth), r)
            nth += 1 if crash.SWEEP else 17
        t.verdict('silence at a command', self.store,
                  40 if crash.SWEEP else 3)

    def test_silence_before_a_command(self):
        self.silence('before')

    def test_silence_after_a_command(self):
        self.silence('after')


if __name__ == '__main__':
    tap.main()
