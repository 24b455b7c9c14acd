#!/usr/bin/env python3
"""tamis run against each kind of server that is not Gmail."""
# timeout: 600

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE + '/../lib', HERE + '/../engine']

import gmail		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
import test_imap_run	# noqa: E402


class Engine(test_imap_run.Engine):
    """The tests that Dovecot and Cyrus pass, here too."""
    profile = None

    def server(self):
        return gmail.Server(self.profile)


class OnExchangeLike(Engine, unittest.TestCase):
    profile = 'exchange'


class OnYahooLike(Engine, unittest.TestCase):
    profile = 'yahoo'


class WithoutUidplus(Engine, unittest.TestCase):
    profile = 'no_uidplus'


class OnBare(Engine, unittest.TestCase):
    """What is moved is copied, and the original only marked."""
    profile = 'bare'

    def where(self):
        return {n: [(b, f) for b, f in places if '\\Deleted' not in f]
                for n, places in super().where().items()}


class Creating(unittest.TestCase):
    """A mailbox that is not in the list and yet there."""

    def move(self, profile, fault=False):
        with gmail.Server(profile) as s:
            t = tamis.Tamis()
            t.rules(test_imap_run.RULES)
            t.config({'accounts': {'a': t.account(
                s, archive='Archive', spam='Junk', trash='Trash')}})
            self.assertEqual(t.run('run').status, 0)
            test_imap_run.fill(s, [4])
            if fault:
                s.control.fault('no', 'CREATE', nth=2, where='after')
            else:
                s.control.act(1, 'create', command='CREATE',
                              name='Invoices/2026')
            r = t.run('run')
            self.assertEqual(r.status, 0, r)
            self.assertEqual(list(s.boxes()), ['Invoices/2026'])

    def test_somebody_was_quicker(self):
        for profile in ('dovecot', 'exchange'):
            self.move(profile)

    def test_made_and_refused(self):
        self.move('exchange', fault=True)


class WithoutKeywords(unittest.TestCase):
    """Labels cannot be keywords: that is said, and the rest is done."""

    def run_on(self, how, status, **account):
        with gmail.Server('no_keywords', keywords=how) as s:
            t = tamis.Tamis()
            t.rules(test_imap_run.RULES)
            t.config({'accounts': {'a': t.account(s, **account)}})
            self.assertEqual(t.run('run').status, 0)
            test_imap_run.fill(s, [2, 3])
            r = t.run('run')
            self.assertEqual(r.status, status, r)
            return r, {b: [(m.message_id[0], m.flags) for m in v]
                       for b, v in s.boxes().items()}

    def test_refused(self):
        r, boxes = self.run_on('refused', 3)
        self.assertIn('does not keep lists/hackers', r.out)
        self.assertIn(('3', frozenset(['\\Flagged'])), boxes['INBOX'])

    def test_ignored(self):
        r, boxes = self.run_on('ignored', 3)
        self.assertIn('does not keep lists/hackers', r.out)
        self.assertIn(('3', frozenset(['\\Flagged'])), boxes['INBOX'])

    def test_labels_as_folders(self):
        for how in ('refused', 'ignored'):
            _, boxes = self.run_on(how, 0, labels='folders')
            self.assertEqual([n for n, _ in boxes['lists/hackers']], ['2'])
            self.assertEqual(boxes['Archive'],
                             [('2', frozenset(['\\Seen']))])


if __name__ == '__main__':
    tap.main()
