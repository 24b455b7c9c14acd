#!/usr/bin/env python3
"""A sweep over a mailbox in which nothing has happened is left out."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import servers		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402

SWEEP = ('rules: [{name: s, applies_to: all, when: {%s}, '
         'then: [{label: x}]}]')


class Quiet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = servers.Dovecot()
        cls.s.start()
        cls.addClassCleanup(cls.s.close)
        cls.s.create('alice', 'Other')
        cls.s.save()

    def setUp(self):
        self.s.restore()
        self.t = tamis.Tamis()
        self.t.config({'accounts': {'d': self.t.account(self.s, 'alice')}})

    def sweep(self, when):
        self.t.rules(SWEEP % when)

    def judged(self):
        """How many messages a run has judged."""
        r = self.t.run('run', '--json')
        self.assertEqual(r.status, tamis.DONE, r)
        return [o for o in r.json() if o['type'] == 'run'][-1]['judged']

    def settle(self):
        """Until the mailbox is known to be quiet."""
        self.judged()
        self.judged()
        self.judged()

    def test_left_out_until_something_happens(self):
        for n in range(3):
            self.s.append('alice', 'INBOX', message(n))
        self.sweep('is: unread')
        self.judged()			# changes them
        self.assertGreater(self.judged(), 0)	# finds it so
        self.assertEqual(self.judged(), 0)	# knows it
        self.assertEqual(self.judged(), 0)
        c = self.s.client('alice')
        c.select('INBOX')
        c.uid('STORE', '1:*', '-FLAGS', '(x)')
        c.logout()
        self.assertGreater(self.judged(), 0)
        self.settle()
        self.s.append('alice', 'INBOX', message(9))
        self.assertGreater(self.judged(), 0)

    def test_other_rules(self):
        self.s.append('alice', 'INBOX', message(1))
        self.sweep('is: unread')
        self.settle()
        self.assertEqual(self.judged(), 0)
        self.sweep('is: unread, subject: message')
        self.assertGreater(self.judged(), 0)

    def test_what_time_decides(self):
        self.s.append('alice', 'INBOX', message(1))
        self.sweep('age: {over: 100d}')
        self.settle()
        self.assertGreater(self.judged(), 0)
        self.sweep('time_of_day: {between: ["00:00", "24:00"], of: now}')
        self.settle()
        self.assertGreater(self.judged(), 0)

    def test_asked_for(self):
        self.s.append('alice', 'INBOX', message(1))
        self.sweep('is: unread')
        self.settle()
        r = self.t.run('run', '--json', '--all')
        self.assertGreater([o for o in r.json()
                            if o['type'] == 'run'][-1]['judged'], 0)


if __name__ == '__main__':
    tap.main()
