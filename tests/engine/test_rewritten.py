#!/usr/bin/env python3
"""Rules that rewrite, from the rule file to the spool."""

import glob
import tempfile
import time
import unittest

import gmail
import maildir
import tamis
import tap

MESSAGE = (b'From: Bob <bob@example.org>\nSubject: %s\n'
           b'Message-ID: <m%d@example.org>\n'
           b'Date: Mon, 13 Jul 2026 10:00:%02d +0000\n\nHello, %d.\n')


class Rewrite(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = self.folder + '/Maildir'
        maildir.make(self.path)
        self.t = tamis.Tamis(self.folder)
        self.n = 0

    def go(self, rules, *subjects, **config):
        self.t.rules('version: 1\nrules:\n' + rules)
        self.t.config(dict({'accounts': {'home': {'maildir': self.path}}},
                           **config))
        self.assertEqual(self.t.run('run').status, 0)
        maildir.deliver(self.path, [
            MESSAGE % (s.encode(), self.n + i, self.n + i, self.n + i)
            for i, s in enumerate(subjects, 1)], self.n + 1)
        self.n += len(subjects)
        return self.t.run('run')

    def texts(self, box='INBOX'):
        found = []
        for m in maildir.dump(self.path).get(box, []):
            with open(m.path, 'rb') as f:
                found.append(f.read())
        return found

    def spool(self):
        return glob.glob(self.t.state_dir + '/home/spool/*')

    def test_a_tag_goes(self):
        r = self.go('''\
  - name: untag
    when: {subject: {regex: '^\\[list\\] '}}
    then: [{edit_header: {Subject: {remove: '^\\[list\\] '}}}]
''', '[list] hello', 'plain')
        self.assertEqual(r.status, 0, r)
        self.assertIn('rewrite: edit Subject  (untag)', r.out)
        copy, = [x for x in self.texts() if x.startswith(b'X-Tamis')]
        self.assertEqual(copy.partition(b'From:')[2], (MESSAGE % (
            b'hello', 1, 1, 1)).partition(b'From:')[2])
        self.assertEqual(self.texts('Trash'),
                         [MESSAGE % (b'[list] hello', 1, 1, 1)])
        self.assertEqual(len(self.spool()), 1)
        self.assertIn('rewrite: edit Subject', self.t.run('log').out)
        self.assertIn('rewrite: edit Subject',
                      self.t.run('why', 'm1@example.org').out)
        before = self.texts()
        self.assertEqual(self.t.run('run').status, 0)
        self.assertEqual(self.texts(), before)

    def test_dry_run(self):
        self.go('''\
  - {name: x, when: {subject: never}, then: [{set_header: {X-A: b}}]}
''')
        maildir.deliver(self.path, [MESSAGE % (b'x', 1, 1, 1)])
        self.t.rules('''version: 1
rules:
  - {name: x, when: {subject: x}, then: [{set_header: {X-A: b}}]}
''')
        before = tamis.snapshot(self.folder)
        r = self.t.run('run', '--dry-run')
        self.assertEqual(r.status, tamis.FOUND, r)
        self.assertIn('would rewrite: set X-A to b  (x)', r.out)
        self.assertEqual(tamis.snapshot(self.folder), before)

    def test_the_copy_is_not_new(self):
        """What it has become is no reason to judge it anew."""
        self.go('''\
  - {name: again, when: {subject: clean}, then: [{label: again}]}
  - {name: x, when: {subject: x}, then: [{set_header: {Subject: clean}}]}
''', 'x')
        for _ in range(2):
            self.assertEqual(self.t.run('run').status, 0)
            m, = maildir.dump(self.path)['INBOX']
            self.assertEqual(m.flags, set())

    def test_a_sweep_does_it_once(self):
        """A program would go on with what it has made."""
        r = self.go('''\
  - name: more
    applies_to: all
    when: {subject: x}
    then: [{pipe: [sed, 's/^Hello/Hello hello/']}]
''', 'x')
        self.assertEqual(r.status, 0, r)
        before = self.texts()
        self.assertIn(b'\nHello hello, 1.\n', before[0])
        for _ in range(2):
            r = self.t.run('run')
            self.assertEqual((r.status, self.texts()), (0, before), r)

    def test_nothing_to_change_is_found_once(self):
        self.go('''\
  - name: same
    applies_to: all
    when: {subject: x}
    then: [{pipe: [tee, -a, %s/started]}]
''' % self.folder, 'x')
        before, text = self.texts(), MESSAGE % (b'x', 1, 1, 1)
        self.assertEqual(before, [text])
        self.assertEqual(self.t.run('run').status, 0)
        with open(self.folder + '/started', 'rb') as f:
            self.assertEqual(f.read(), text)
        self.assertEqual(self.spool(), [])

    def test_a_program_that_fails(self):
        r = self.go('''\
  - name: broken
    when: {subject: x}
    then: [{pipe: ['false']}, {move: Done}]
    on_error: [{label: failed}]
''', 'x')
        self.assertEqual(r.status, 0, r)
        m, = maildir.dump(self.path)['INBOX']
        self.assertEqual(m.flags, {'failed'})
        self.assertEqual(self.texts(), [MESSAGE % (b'x', 1, 1, 1)])
        self.assertEqual(self.spool(), [])

    def test_without_an_account(self):
        self.go('''\
  - {name: x, when: {subject: x}, then: [{set_header: {X-A: b}}]}
''')
        other = self.folder + '/Other'
        maildir.deliver(other, [MESSAGE % (b'x', 1, 1, 1)])
        r = self.t.run('-r', self.t.config_dir + '/rules.yaml', 'run', '--all',
                       other)
        self.assertEqual(r.status, tamis.SOME_FAILED, r)
        self.assertIn('rewriting needs an account', r.out)

    def test_originals_are_kept_for_a_time(self):
        self.go('''\
  - {name: x, when: {subject: x}, then: [{set_header: {X-A: b}}]}
''', 'x', keep='1s')
        time.sleep(2)
        self.assertEqual(self.t.run('run').status, 0)
        self.assertEqual(self.spool(), [])
        self.assertEqual(len(self.texts('Trash')), 1)

    def test_the_spool_is_full(self):
        r = self.go('''\
  - {name: x, when: {subject: x}, then: [{set_header: {X-A: b}}]}
''', 'x', limits={'spool': '1K'})
        self.assertEqual(r.status, 0, r)
        self.assertIn('the spool is full', r.out)
        self.assertIn('1 to be judged again', r.out)
        self.assertEqual(self.texts(), [MESSAGE % (b'x', 1, 1, 1)])
        for _ in range(6):	# no try is counted
            r = self.t.run('run')
        self.assertEqual(r.status, 0, r)
        self.t.config({'accounts': {'home': {'maildir': self.path}}})
        self.assertEqual(self.t.run('run').status, 0)
        self.assertTrue(self.texts()[0].startswith(b'X-Tamis-Replaced'))


class Unanswered(unittest.TestCase):
    """An upload that no server answered."""

    def test_it_is_said_how_long_it_is_waited_for(self):
        with gmail.Server() as s:
            t = tamis.Tamis()
            t.rules('rules: [{name: x, when: {subject: x}, '
                    'then: [{set_header: {X-A: b}}]}]')
            t.config({'accounts': {'home': t.account(s)}})
            self.assertEqual(t.run('run').status, 0)
            s.control.load([{'raw': MESSAGE % (b'x', 1, 1, 1)}])
            s.control.fault('drop', 'APPEND', where='before')
            self.assertEqual(t.run('run').status, tamis.LATER)
            for _ in range(2):
                r = t.run('run')
                self.assertEqual(r.status, 0, r)
                self.assertIn('for 30 minutes at most', r.err)
                self.assertNotIn('cut short', r.err)
            self.assertEqual(len(s.control.dump()['messages']), 1)


if __name__ == '__main__':
    tap.main()
