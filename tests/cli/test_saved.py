#!/usr/bin/env python3
"""A dry run over saved messages: what would be done, without an account."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import tamis		# noqa: E402
import tap		# noqa: E402

MAIL = b'From: Alice <alice@example.org>\nSubject: %s\n\nx\n'


class Saved(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.rules = self.t.rules('''
rules:
  - {name: old, when: {subject: old}, then: [{label: a}, archive]}
  - {name: bad, when: {subject: bad}, then: [spam]}
  - {name: gone, when: {subject: gone}, then: [trash]}
''')
        self.files = [self.t.write(word + '.eml', MAIL % word.encode())
                      for word in ('old', 'bad', 'gone', 'other')]

    def test_places_are_shown_by_their_use(self):
        r = self.t.run('-r', self.rules, 'run', '-n', '--json', *self.files)
        self.assertEqual((r.status, r.err), (tamis.FOUND, ''), r)
        wanted = {o['subject']: [(c['do'], c['what']) for c in o['changes']]
                  for o in r.json() if o['type'] == 'message'}
        self.assertEqual(wanted, {
            'old': [('label', 'a'), ('move', '\\Archive')],
            'bad': [('move', '\\Junk')], 'gone': [('move', '\\Trash')]})
        for o in r.json():
            self.assertNotIn('failure', o)

    def test_files_are_not_changed(self):
        before = tamis.snapshot(self.t.config_dir)
        r = self.t.run('-r', self.rules, 'run', *self.files)
        self.assertEqual(r.status, tamis.USAGE, r)
        self.assertIn('--dry-run', r.err)
        self.assertEqual(tamis.snapshot(self.t.config_dir), before)


if __name__ == '__main__':
    tap.main()
