#!/usr/bin/env python3
"""tamis undo on a Maildir: all that a run did comes back, the last first."""

import os
import tempfile
import unittest

import maildir
import tamis
import tap

MESSAGE = (b'From: Bob <bob@example.org>\nSubject: %s\n'
           b'Message-ID: <m%d@example.org>\n'
           b'Date: Mon, 13 Jul 2026 10:00:%02d +0000\n\nHello, %d.\n')
RULES = '''\
version: 1
rules:
  - name: label
    when: {subject: label}
    then: [{label: work}, {mark: starred}]
  - name: read
    when: {subject: read}
    then: [{mark: read}]
  - name: move
    when: {subject: move}
    then: [{move: Lists}]
  - name: copy
    when: {subject: copy}
    then: [{copy: Copies}]
  - name: rewrite
    when: {subject: tag}
    then: [{set_header: {Subject: clean}}]
'''


class Undo(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = self.folder + '/Maildir'
        maildir.make(self.path)
        self.t = tamis.Tamis(self.folder)
        self.t.rules(RULES)
        self.t.config({'accounts': {'home': {'maildir': self.path}},
                       'limits': {'late': '0s'}})
        self.run_with()
        self.start = 1

    def run_with(self, *subjects):
        maildir.deliver(self.path, [
            MESSAGE % (s.encode(), n, n, n)
            for n, s in enumerate(subjects, getattr(self, 'start', 1))],
            getattr(self, 'start', 1))
        self.start = getattr(self, 'start', 1) + len(subjects)
        return self.t.run('run')

    def boxes(self):
        return {name: sorted((m.message_id, tuple(sorted(m.flags)))
                             for m in mails)
                for name, mails in maildir.dump(self.path).items()}

    def nothing_to_do(self):
        before = self.boxes()
        r = self.t.run('run')
        self.assertEqual(r.status, 0, r)
        self.assertEqual(self.boxes(), before, r)

    def test_all_of_a_run(self):
        self.run_with('label move', 'read', 'plain')
        self.assertEqual(self.boxes(), {
            'INBOX': [('m2@example.org', ('\\Seen',)),
                      ('m3@example.org', ())],
            'Lists': [('m1@example.org', ('\\Flagged', 'work'))]})
        before = self.boxes()
        r = self.t.run('undo', '--dry-run', '2')
        self.assertEqual(r.status, tamis.FOUND, r)
        self.assertIn('would take back: move to Lists', r.out)
        self.assertEqual(self.boxes(), before)
        r = self.t.run('undo', '2')
        self.assertEqual(r.status, 0, r)
        self.assertIn('taken back: label work', r.out)
        self.assertEqual(self.boxes(), {'INBOX': [
            ('m1@example.org', ()), ('m2@example.org', ()),
            ('m3@example.org', ())]})
        self.nothing_to_do()
        r = self.t.run('undo', '2')
        self.assertEqual(r.status, tamis.FOUND, r)
        self.assertIn('undone: move to Lists', self.t.run('log').out)

    def test_of_one_rule(self):
        self.run_with('label move')
        self.run_with('label')
        r = self.t.run('undo', '--rule', 'label', '--since', '1d')
        self.assertEqual(r.status, 0, r)
        self.assertEqual(self.boxes(), {
            'INBOX': [('m2@example.org', ())],
            'Lists': [('m1@example.org', ())]})

    def test_rewritten(self):
        """The original comes out of Trash as it was, and the copy goes."""
        self.run_with('tag label', 'tag move', 'tag')
        self.assertEqual(len(self.boxes()['Trash']), 3)
        before = self.boxes()
        r = self.t.run('undo', '--dry-run', '2')
        self.assertEqual(r.status, tamis.FOUND, r)
        self.assertNotIn('left', r.out)
        self.assertIn('home: 6 changes, 6 would be taken back, 0 not', r.out)
        self.assertEqual(self.boxes(), before)
        r = self.t.run('undo', '2')
        self.assertEqual(r.status, 0, r)
        self.assertIn('taken back: rewrite: ', r.out)
        self.assertEqual(self.boxes()['INBOX'], [
            ('m1@example.org', ()), ('m2@example.org', ()),
            ('m3@example.org', ())])
        for m in maildir.dump(self.path)['INBOX']:
            with open(m.path, 'rb') as f:
                self.assertIn(b'Subject: tag', f.read())
        for m in maildir.dump(self.path)['Trash']:
            with open(m.path, 'rb') as f:
                self.assertTrue(f.read().startswith(b'X-Tamis-Replaced'))
        self.nothing_to_do()

    def test_rewritten_and_gone_from_trash(self):
        self.run_with('tag')
        for m in maildir.dump(self.path)['Trash']:
            os.unlink(m.path)
        before = self.boxes()
        r = self.t.run('undo', '2')
        self.assertEqual(r.status, tamis.SOME_FAILED, r)
        self.assertIn('not in Trash any more', r.out)
        self.assertEqual(self.boxes(), before)
        self.nothing_to_do()

    def test_what_is_left(self):
        self.run_with('copy', 'move')
        for m in maildir.dump(self.path)['Lists']:
            os.unlink(m.path)
        r = self.t.run('undo', '2', '--json')
        self.assertEqual(r.status, tamis.SOME_FAILED, r)
        left = {o['do']: (o['state'], o['reason']) for o in r.json()}
        self.assertEqual(left['copy'][0], 'left')
        self.assertIn('stays', left['copy'][1])
        self.assertEqual(left['move'][0], 'left')
        self.assertIn('not there any more', left['move'][1])

    def test_wrong_use(self):
        for words, says in ((['undo'], 'needs the number of a run'),
                            (['undo', 'x'], 'needs the number of a run'),
                            (['undo', '--rule', 'label'], '--since'),
                            (['undo', '2', '--rule', 'label'], 'undo needs')):
            r = self.t.run(*words)
            self.assertEqual(r.status, tamis.USAGE, r)
            self.assertIn(says, r.err)


if __name__ == '__main__':
    tap.main()
