#!/usr/bin/env python3
"""The same answer for the same message, however it arrives.

What rules read in each message of mail/ is written into labels: from a file
with LF and with CR LF, from an mbox, a Maildir, and from Dovecot, once where
header fields are enough and once where the message is wanted whole.
"""

import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import maildir	# noqa: E402
import runs	# noqa: E402
import servers	# noqa: E402
import tap	# noqa: E402

MAIL = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mail')

HEADER = r'''version: 1
rules:
- name: from
  when: {from: {regex: '(?s)^(?<n>.*)$'}}
  then: [{label: "from $(from.name:-none) $(from.address:-none)"}]
- name: subject
  when: {subject: {regex: '(?s)^(?<s>.{0,90})'}}
  then: [{label: "subject $(s:-none)"}]
- name: id
  when: {message_id: {exists: true}}
  then: [{label: "id $(message_id:-none)"}]
- name: sent
  when: {sent: {after: 1990-01-01}}
  then: [{label: "sent $(date:%Y-%m-%d-%H-%M)"}]
'''
BODY = HEADER + r'''
- name: head
  when: {body: {regex: '(?s)^(?<b>.{0,90})'}}
  then: [{label: "head $(b:-none)"}]
- name: tail
  when: {body: {regex: '(?s)(?<b>\S[^\n]{0,80})\s*$'}}
  then: [{label: "tail $(b:-none)"}]
- name: name
  when: {attachment: {name: {regex: '^(?<a>.*)$'}}}
  then: [{label: "name $(a:-none)"}]
- name: png
  when: {attachment: {type: image/png, size: {over: 7, under: 9}}}
  then: [{label: png}]
'''


def messages():
    """{name: octets}, but for the empty one: that is no message anywhere."""
    found = {}
    for name in sorted(os.listdir(MAIL)):
        with open(os.path.join(MAIL, name), 'rb') as f:
            found[name[:-len('.eml')]] = f.read()
    del found['header-empty']
    return found


def with_lf(data):
    return data.replace(b'\r\n', b'\n')


def with_crlf(data):
    return re.sub(rb'\r?\n', b'\r\n', data)


class Arrival(runs.Case):
    @classmethod
    def setUpClass(cls):
        cls.mail = messages()

    def read(self, rules, *args):
        """{number of the message: what is wanted of it}"""
        self.t.rules(rules)
        r = self.t.run('run', '--dry-run', '--all', '--json', *args)
        self.sane(r)
        self.assertIn(r.status, (0, 1, 3), r)
        rows = [json.loads(line) for line in r.out.splitlines()]
        return {row['uid']: (row['rules'], row['unknown'], row['failed'],
                             [c['what'] for c in row['changes']])
                for row in rows if row['type'] == 'message'}

    def files(self, rules, change=bytes):
        self.t.config({})
        paths = []
        for name, data in self.mail.items():
            paths.append('%s/%s.eml' % (self.t.folder, name))
            with open(paths[-1], 'wb') as f:
                f.write(change(data))
        return self.read(rules, *paths)

    def same(self, want, got, but=()):
        """BUT: names of messages that cannot come this way as they are."""
        wrong = ''
        for uid, name in enumerate(self.mail, 1):
            if want.get(uid) != got.get(uid) and name not in but:
                wrong += '\n%s\n  %r\n  %r' % (
                    name, want.get(uid), got.get(uid))
        if wrong:
            self.fail(wrong)

    def test_files(self):
        want = self.files(BODY)
        self.assertGreater(len(want), 250)
        self.same(want, self.files(BODY, with_lf))
        self.same(want, self.files(BODY, with_crlf))

    def test_header_alone(self):
        """Rules on header fields say the same beside rules on bodies."""
        want = {uid: [w for w in wanted[3] if w.split()[0] in
                      ('from', 'subject', 'id', 'sent')]
                for uid, wanted in self.files(BODY).items()}
        got = {uid: wanted[3]
               for uid, wanted in self.files(HEADER).items()}
        self.assertEqual({u: w for u, w in want.items() if w}, got)

    def test_maildir(self):
        want = self.files(BODY)
        maildir.deliver(self.t.folder + '/Maildir', self.mail.values())
        self.same(want, self.read(BODY, self.t.folder + '/Maildir'))

    def test_mbox(self):
        want = self.files(BODY)
        path = self.t.folder + '/all.mbox'
        with open(path, 'wb') as f:
            for data in self.mail.values():
                f.write(b'From alice@example.org Thu Jan 15 10:00:00 2026\n')
                f.write(re.sub(rb'(?m)^From ', b'>From ', data) + b'\n\n')
        # an mbox has LF; where the message had none it is another one
        self.same(want, self.read(BODY, path), but=['mime-bare-cr'])

    def test_imap(self):
        s = self.start(servers.Dovecot())
        s.append('alice', 'INBOX', list(self.mail.values()))
        for rules in HEADER, BODY:
            want = self.files(rules)
            self.configure(a=self.t.account(s))
            # Dovecot makes 0x80 of NUL, which no literal may hold
            self.same(want, self.read(rules), but=['header-nul'])


if __name__ == '__main__':
    tap.main()
