#!/usr/bin/env python3
"""Messages are replaced on a server like Gmail, and the program is killed,
cut off, refused at each command: nothing is lost, nothing is doubled."""
# timeout: 1800

import unittest

import crash
import disturbed
import gmail
import replaceplan
import tap


class Gmail(disturbed.Commands, unittest.TestCase):
    store = 'like Gmail'

    def start(self):
        server = gmail.Server().start()
        self.addCleanup(server.close)
        return server

    def trial(self):
        return replaceplan.on_gmail(self.server, self.proxy)

    def test_refused_and_done_all_the_same(self):
        self.sweep('no', 'reply', 1)

    def test_an_append_that_lands_late(self):
        """When the program has looked already."""
        t = replaceplan.on_gmail(self.server, self.server)
        for nth in range(1, 8, 1 if crash.SWEEP else 3):
            for later in (1, 4, 9, 20, 60):
                t.restore()
                self.server.control.fault('late', 'APPEND', nth=nth,
                                          later=later)
                r = t.t.run('run')
                t.t.run('run')
                self.server.control.calm()
                t.after('APPEND %d lands %d commands later' % (nth, later),
                        r)
        t.verdict('an APPEND lands late', self.store, 10)


if __name__ == '__main__':
    tap.main()
