#!/usr/bin/env python3
"""The rules and the sample mail that ./quickstart shows do what it shows."""

import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import maildir	# noqa: E402
import tamis	# noqa: E402
import tap	# noqa: E402

EXAMPLES = tamis.TOP + '/examples'
SEEN, STAR = '\\Seen', '\\Flagged'

# file name: mailbox, flags and labels
EXPECTED = {
    '01-list': ('Archive', {'list-gardeners'}),
    '02-list-to-me': ('INBOX', {'list-gardeners'}),
    '03-review': ('INBOX', {'github-me', STAR}),
    '04-build': ('Archive', {'github-ci', SEEN}),
    '05-invoice': ('INBOX', {'invoices'}),
    '06-newsletter': ('Newsletters', {'offers', SEEN}),
    '07-prize': ('Junk', set()),
    '08-bob': ('INBOX', {STAR}),
}


class Sample(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.mail = self.t.folder + '/Maildir'
        maildir.make(self.mail)
        for name in os.listdir(EXAMPLES + '/mail/new'):
            shutil.copy(EXAMPLES + '/mail/new/' + name, self.mail + '/new')
        with open(EXAMPLES + '/quickstart.yaml') as f:
            self.t.rules(f.read())
        shutil.copytree(EXAMPLES + '/mail', self.t.config_dir + '/mail')
        self.t.config({'accounts': {'sample': {'maildir': self.mail}}})

    def places(self):
        return {os.path.basename(m.path).partition('.eml')[0]:
                (box, set(m.flags))
                for box, mails in maildir.dump(self.mail).items()
                for m in mails}

    def test_tests_of_the_rules(self):
        r = self.t.run('test', EXAMPLES + '/quickstart.yaml')
        self.assertEqual(r.status, tamis.DONE, r)
        self.assertIn('5 passed, 0 failed', r.out)

    def test_dry_run(self):
        before = tamis.snapshot(self.mail)
        r = self.t.run('--json', 'run', '--dry-run', '--all')
        self.assertEqual(r.status, tamis.FOUND, r)
        last = [o for o in r.json() if o['type'] == 'run'][-1]
        self.assertEqual((last['judged'], last['dry_run']), (8, True), r)
        self.assertEqual(tamis.snapshot(self.mail), before)
        self.assertFalse(os.path.exists(self.t.state_dir + '/sample'))

    def test_run(self):
        r = self.t.run('run', '--all')
        self.assertEqual(r.status, tamis.DONE, r)
        self.assertEqual(self.places(), EXPECTED, r)
        r = self.t.run('run')
        self.assertEqual((r.status, self.places()),
                         (tamis.DONE, EXPECTED), r)
        r = self.t.run('log')
        self.assertEqual(r.status, tamis.DONE, r)
        self.assertIn('move to Newsletters', r.out)


if __name__ == '__main__':
    tap.main()
