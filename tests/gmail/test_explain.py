#!/usr/bin/env python3
"""`explain --commands` shows what Gmail would be sent, without Gmail."""
# timeout: 300

import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402
from model import Case	# noqa: E402

CHANGES = re.compile(r'UID (STORE|MOVE|COPY|EXPUNGE) ')


class Commands(Case):
    def setUp(self):
        super().setUp()
        self.t = tamis.Tamis()
        self.raw = message(1, subject='x')
        self.path = self.t.write('x.eml', self.raw)

    def sent(self):
        """What a run sends for a message in the inbox."""
        self.t.config({'accounts': {'g': self.t.account(self.s, 'alice')}})
        r = self.t.run('run')
        self.assertEqual(r.status, tamis.DONE, r)
        self.c.load([{'raw': self.raw}])
        before = len(self.c.log())
        r = self.t.run('run')
        self.assertEqual(r.status, tamis.DONE, r)
        return self.changes(e['command'] for e in self.c.log()[before:])

    def shown(self, host='imap.gmail.com'):
        account = dict(self.t.account(self.s, 'alice'),
                       imap='imaps://' + host)
        account.pop('tls', None)
        self.t.config({'accounts': {'g': account}})
        r = self.t.run('-a', 'g', '--json', 'explain', '--commands',
                       self.path)
        self.assertEqual(r.status, tamis.DONE, r)
        return self.changes(json.loads(r.out)['commands'])

    def changes(self, commands):
        """Those that change something, whichever message it is."""
        return [re.sub(r'^(UID \w+) \d+', r'\1 N', c)
                for c in commands if CHANGES.match(c)]

    def check(self, then, *wanted):
        self.t.rules('rules: [{name: r, when: {subject: x}, '
                     'then: [%s]}]' % then)
        shown = self.shown()
        self.assertEqual(shown, list(wanted) or shown)
        self.assertEqual(shown, self.sent())

    def test_label_and_archive(self):
        self.check('{label: l}, archive',
                   'UID STORE N +X-GM-LABELS.SILENT ("l")',
                   'UID STORE N -X-GM-LABELS.SILENT (\\Inbox)')

    def test_trash(self):
        self.check('{label: "a b"}, trash',
                   'UID STORE N +X-GM-LABELS.SILENT ("a b")',
                   'UID MOVE N "[Gmail]/Trash"')

    def test_flags(self):
        self.check('{flag: \\Seen}, {flag: $Important}, {label: l}, '
                   '{unlabel: INBOX}')

    def test_other_names_of_the_host(self):
        self.t.rules('rules: [{name: r, when: {subject: x}, '
                     'then: [{label: l}]}]')
        for host in ('imap.googlemail.com', 'IMAP.GMAIL.COM:993'):
            self.assertIn('X-GM-LABELS', self.shown(host)[0])
        for host in ('mail.example.org', 'gmail.com.example.org'):
            self.assertIn(' +FLAGS.SILENT (l)', self.shown(host)[0])


if __name__ == '__main__':
    tap.main()
