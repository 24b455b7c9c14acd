#!/usr/bin/env python3
"""kill -9 at each named point of the program (engine/step.h)."""
# timeout: 600

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
sys.path.insert(0, os.path.dirname(__file__))

import crash	# noqa: E402
import servers	# noqa: E402
import tap	# noqa: E402
import test_dovecot	# noqa: E402
import test_maildir	# noqa: E402

PROGRAM = os.environ.get('TAMIS_BUILD', '') + '/tests/crash/tamis_steps'


class Steps(unittest.TestCase):
    def sweep(self, trial, least, expected):
        names = trial.kill_at_steps(PROGRAM)
        print('# steps: ' + ' '.join(names))
        trial.verdict(least)
        self.assertEqual(set(expected) - set(names), set())

    def test_maildir(self):
        self.sweep(test_maildir.trial(), 40, [
            'journal-begun', 'journal-commit', 'journal-committed',
            'keywords-written', 'maildir-renamed', 'maildir-copied',
            'maildir-deleted', 'maildir-moves-durable'])

    def test_dovecot(self):
        with servers.Dovecot() as server:
            self.sweep(test_dovecot.trial(server, server), 12, [
                'journal-begun', 'journal-commit', 'journal-committed'])


if __name__ == '__main__':
    tap.main()
