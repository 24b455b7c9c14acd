#!/usr/bin/env python3
"""What cron makes a mail of: whatever a run prints, on either output."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import tamis		# noqa: E402
import tap		# noqa: E402


class Quiet(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.t.rules('rules: [{name: all, then: [{label: seen}]}]')

    def run_once(self, status, *args):
        r = self.t.run('run', *args)
        self.assertEqual(r.status, status, r)
        return r

    def trouble(self, **top):
        """An account whose server is down."""
        self.t.config(dict(top, accounts={'home': {
            'imap': 'imaps://localhost:1', 'user': 'alice',
            'auth': {'password_command': ['true']}}}))

    def test_nothing_new(self):
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.t.home + '/Mail/' + name)
        self.t.config({'accounts': {'home': {'maildir': '~/Mail'}}})
        self.run_once(0)
        r = self.run_once(0)
        self.assertEqual((r.out, r.err), ('', ''))
        self.assertIn('0 judged', self.run_once(0, '-v').out)

    def test_short_trouble(self):
        self.trouble()
        r = self.run_once(tamis.LATER)
        self.assertEqual((r.out, r.err), ('', ''))
        r = self.run_once(tamis.LATER, '--json')
        self.assertIn('nothing answers there', r.json()[-1]['error'])
        r = self.run_once(tamis.LATER, '-v')
        self.assertIn('nothing answers there', r.err)
        self.assertIn('stopped', r.out)

    def test_long_trouble(self):
        self.trouble(alert_after='0s')
        r = self.run_once(tamis.LATER)
        self.assertIn('nothing answers there', r.err)
        self.assertIn('stopped', r.out)


if __name__ == '__main__':
    tap.main()
