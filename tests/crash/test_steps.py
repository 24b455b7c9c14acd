#!/usr/bin/env python3
"""kill -9 at each named point of the program (engine/step.h)."""
# timeout: 600

import os
import unittest

import places
import servers
import tap

PROGRAM = os.environ.get('TAMIS_BUILD', '') + '/tests/crash/tamis_steps'


class Steps(unittest.TestCase):
    def sweep(self, trial, store, least, expected):
        names = trial.kill_at_steps(PROGRAM)
        print('# steps: ' + ' '.join(names))
        trial.verdict('kill at a step', store, least)
        self.assertEqual(set(expected) - set(names), set())

    def test_maildir(self):
        self.sweep(places.on_maildir(), 'Maildir', 40, [
            'journal-begun', 'journal-commit', 'journal-committed',
            'keywords-written', 'maildir-renamed', 'maildir-copied',
            'maildir-deleted', 'maildir-moves-durable'])

    def test_dovecot(self):
        with servers.Dovecot() as server:
            self.sweep(places.on_dovecot(server, server), 'Dovecot', 12, [
                'journal-begun', 'journal-commit', 'journal-committed'])


if __name__ == '__main__':
    tap.main()
