#!/usr/bin/env python3
"""tamis run over a Maildir: which messages are judged."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import syscalls		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402

DAY = 86400


class Choosing(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.mail = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.mail + '/' + name)
        self.t.config({'accounts': {'home': {'maildir': self.mail}}})
        self.t.rules('rules: [{name: all, then: [{label: seen}]}]')

    def deliver(self, name, days_ago=0):
        path = '%s/new/%s' % (self.mail, name)
        with open(path, 'w') as f:
            f.write('From: a@example.org\nSubject: %s\n\nx\n' % name)
        then = time.time() - days_ago * DAY
        os.utime(path, (then, then))

    def judged(self, *args, status=0):
        """The messages that a run labelled, by name."""
        r = self.t.run('run', '--json', *args)
        self.assertEqual(r.status, status, r)
        return sorted(o['subject'] for o in r.json()
                      if o['type'] == 'message')

    def test_new(self):
        self.deliver('before')
        self.assertEqual(self.judged(), [])
        self.deliver('after')
        self.assertEqual(self.judged(), ['after'])
        self.assertEqual(self.judged(), [])
        self.assertEqual(self.judged('--all'), ['before'])

    def test_since(self):
        self.deliver('old', 30)
        self.deliver('recent', 2)
        self.assertEqual(self.judged(), [])
        self.assertEqual(self.judged('--since', '7d', '-n', status=1),
                         ['recent'])
        self.assertEqual(self.judged('--since', '7d'), ['recent'])
        self.assertEqual(self.judged('--since', '60d'), ['old'])

    def test_without_proc(self):
        """A label is written in a root into which no /proc is mounted, where
        nothing nameless can be given a name."""
        syscalls.needed()
        self.deliver('one')
        r = self.t.run('run', '--all', wrap=syscalls.fail_at(
            'linkat', 1, 'ENOENT', '+'), env={
                'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual((r.status, r.err), (0, ''), r)
        self.assertEqual(os.listdir(self.mail + '/new'), [])
        self.assertTrue(os.path.exists(self.mail + '/dovecot-keywords'))
        self.assertFalse(os.path.exists(self.mail +
                                        '/dovecot-uidlist.lock'))

    def test_believed_server(self):
        """A run believes whom the account names, and nobody else."""
        self.t.rules('rules: [{name: signed, when: {auth_results:'
                     ' {dkim: pass}}, then: [{label: seen}]}]')
        self.t.config({'accounts': {'home': {
            'maildir': self.mail, 'trusted_authserv': 'mx.example.org'}}})
        self.assertEqual(self.judged(), [])
        for name in ('mx.example.org', 'forged.example'):
            with open('%s/new/%s' % (self.mail, name), 'w') as f:
                f.write('Authentication-Results: %s; dkim=pass\n'
                        'Subject: %s\n\nx\n' % (name, name))
        self.assertEqual(self.judged(), ['mx.example.org'])

    def test_longer_than_any_header(self):
        """What a limit cuts is unknown, and not asked for for ever."""
        self.t.rules('rules: [{name: all, when: {subject: x},'
                     ' then: [{label: seen}]}]')
        self.assertEqual(self.judged(), [])
        with open(self.mail + '/new/long', 'w') as f:
            f.write('Subject: x\n' + 'A: b\n' * 100001 + '\nx\n')
        r = self.t.run('run', '--json')
        self.assertEqual(r.status, 0, r)
        run, = [o for o in r.json() if o['type'] == 'run']
        self.assertEqual((run['judged'], run['unknown']), (1, 1))
        self.assertEqual(self.judged(), [])

    def test_max(self):
        self.assertEqual(self.judged(), [])
        for i in range(3):
            self.deliver('m%d' % i)
        self.assertEqual(self.judged('--max', '2'), ['m0', 'm1'])
        self.assertEqual(self.judged(), ['m2'])

    def test_max_of_a_first_run(self):
        for i in range(3):
            self.deliver('m%d' % i)
        self.assertEqual(self.judged('--all', '--max', '2'), ['m0', 'm1'])
        # a trial makes no old mail new
        self.assertEqual(self.judged(), [])

    def test_search_is_for_imap(self):
        r = self.t.run('run', '--search', 'FROM x')
        self.assertEqual(r.status, tamis.USAGE, r)
        self.assertIn('--since', r.err)


if __name__ == '__main__':
    tap.main()
