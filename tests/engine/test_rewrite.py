#!/usr/bin/env python3
"""Rules that rewrite: what is in the mailbox then, and when programs run."""

import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../lib'))
import maildir		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402

# Writes down that it was started, then does what the test wants.
PROGRAM = '''#!/bin/sh
echo "$*" >>"$HOME/started"
%s
'''

HEADER = '''Received: by mx;
\tsomebody
From: "Tom, the first" <tom@old.example>
X-Odd:  a   b
Message-ID: <%d@example.org>
Subject: %s
'''

RULES = '''
lists:
  moved: {"tom@old.example": tom@new.example}
rules:
  - name: edits
    when: {subject: edit}
    then:
      - edit_header: {Subject: {remove: '^\\[tag\\] '}, From: {map: moved}}
      - remove_header: X-Odd
      - add_header: {X-Seen: {value: "grün", last: true}}
  - name: reads what is edited
    when: {subject: {starts: edit}, from: tom@new.example}
    then: [{mark: starred}]
  - name: pipes
    when: {subject: pipe}
    then: [{pipe: {command: [./change, "$(account)"], timeout: 5s}}]
    on_error: [{mark: important}]
  - name: reads what is printed
    when: {header: {X-Piped: "yes"}}
    then: [{mark: answered}]
  - name: quietly
    when: {subject: quiet}
    then: [{pipe: [./change]}, stop]
'''


class Rewrite(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()
        self.addCleanup(shutil.rmtree, self.t.folder)
        self.mail = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.mail + '/' + name)
        self.t.config({'accounts': {'home': {'maildir': self.mail}}})
        self.t.rules(RULES)
        self.program('echo X-Piped: yes; cat')
        self.run_it()
        self.n = 0

    def program(self, text):
        self.t.write('change', PROGRAM % text, mode=0o700)

    def deliver(self, subject, body='Hello,\n\n  Bob\n'):
        self.n += 1
        text = HEADER % (self.n, subject) + '\n' + body
        with open('%s/new/%d' % (self.mail, self.n), 'w') as f:
            f.write(text)
        return text

    def run_it(self, *args, status=0):
        r = self.t.run('run', *args)
        self.assertEqual(r.status, status, r)
        return r

    def started(self):
        path = self.t.home + '/started'
        if not os.path.exists(path):
            return []
        with open(path) as f:
            lines = f.read().splitlines()
        os.unlink(path)
        return lines

    def found(self, mailbox='INBOX'):
        """[(flags, text without the field of ours)]"""
        out = []
        for m in maildir.dump(self.mail).get(mailbox, []):
            with open(m.path, encoding='utf-8', newline='') as f:
                text = f.read()
            out.append((set(m.flags), re.sub(
                r'\AX-Tamis-Replaced: (.|\n[ \t])*\n', '', text)))
        return out

    def test_edits(self):
        text = self.deliver('[tag] edit me')
        self.run_it()
        (flags, got), = self.found()
        want = text.replace('[tag] ', '').replace('X-Odd:  a   b\n', '')
        want = want.replace('tom@old', 'tom@new').replace(
            '\n\n', '\nX-Seen: =?utf-8?q?gr=C3=BCn?=\n\n', 1)
        self.assertEqual(got, want)
        self.assertIn('\\Flagged', flags)
        self.assertEqual([t for _, t in self.found('Trash')], [text])
        before = sorted(os.listdir(self.mail + '/cur'))
        self.run_it()
        self.assertEqual(sorted(os.listdir(self.mail + '/cur')), before)

    def test_dry_run(self):
        text = self.deliver('edit me')
        self.deliver('quiet')
        self.deliver('pipe')
        out = self.run_it('--dry-run', status=tamis.FOUND).out
        self.assertIn('edit From', out)
        self.assertIn('pipe through', out)
        self.assertRegex(out, 'unknown: reads what is printed: a dry run')
        self.assertEqual(self.started(), [])
        self.assertIn(text, [t for _, t in self.found()])

    def test_pipe(self):
        text = self.deliver('pipe')
        self.run_it()
        (flags, got), = self.found()
        self.assertEqual(got, 'X-Piped: yes\n' + text)
        self.assertIn('\Answered', flags)
        # to judge by it, and to replace the message
        self.assertEqual(self.started(), ['home', 'home'])

    def test_pipe_is_not_asked_for_nothing(self):
        text = self.deliver('quiet')
        self.run_it()
        (_, got), = self.found()
        self.assertEqual(got, 'X-Piped: yes\n' + text)
        self.assertEqual(self.started(), [''])

    def test_pipe_changes_nothing(self):
        self.program('cat')
        text = self.deliver('quiet')
        before = os.listdir(self.mail + '/new')
        self.run_it()
        self.assertEqual([t for _, t in self.found()], [text])
        self.assertEqual(self.found('Trash'), [])
        self.assertEqual(os.listdir(self.mail + '/new'), before)

    def test_pipe_fails(self):
        """on_error takes the place; what hangs on it stays unknown, until the
        program has printed something."""
        self.program('cat; exit 1')
        text = self.deliver('pipe')
        r = self.run_it()
        self.assertIn('exited with status 1', r.out)
        self.assertIn('1 to be judged again', r.out)
        (flags, got), = self.found()
        self.assertEqual(got, text)
        self.assertIn('$Important', flags)
        self.assertNotIn('\Answered', flags)
        self.assertEqual(self.found('Trash'), [])


if __name__ == '__main__':
    tap.main()
