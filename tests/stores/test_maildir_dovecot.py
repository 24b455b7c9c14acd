#!/usr/bin/env python3
"""A Maildir that Dovecot serves: each sees what the other one wrote."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import servers	# noqa: E402
import tamis	# noqa: E402
import tap	# noqa: E402

MAIL = (b'From: Bob <bob@example.org>\r\nSubject: %s\r\n'
        b'Message-ID: <%s@example.org>\r\n'
        b'Date: Mon, 13 Jul 2026 10:00:00 +0000\r\n\r\nHello.\r\n')


def mail(subject):
    return MAIL % (subject.encode(), subject.replace(' ', '.').encode())


class Served(unittest.TestCase):
    def setUp(self):
        self.server = servers.Dovecot(format='maildir')
        self.server.start()
        self.addCleanup(self.server.close)
        self.maildir = self.server.folder + '/home/alice/Maildir'
        self.t = tamis.Tamis(tempfile.mkdtemp())

    def filter(self, rules, status=0, **account):
        self.t.config({'accounts': {'home': dict(
            account, maildir=self.maildir)}})
        self.t.rules(rules)
        r = self.t.run('run', '--all')
        self.assertEqual(r.status, status, repr(r))
        return r

    def flags(self, mailbox='INBOX'):
        """{Message-ID without its domain: flags} as IMAP tells them."""
        return {m.message_id.partition('@')[0]: set(m.flags)
                for m in self.server.dump('alice', mailbox)}

    def test_flags_and_keywords_of_ours(self):
        self.server.append('alice', 'INBOX', [mail('one'), mail('two')])
        self.server.append('alice', 'INBOX', mail('three'),
                           flags='old \\Answered')
        self.filter('''rules:
- name: a
  when: {subject: one}
  then: [{label: [work, "to do", "caf\u00e9", old]}, {flag: $Forwarded},
         {mark: [read, starred]}]
- name: b
  when: {subject: three}
  then: [{unlabel: old}, {unmark: answered}]
''')
        self.assertEqual(self.flags(), {
            'one': {'work', 'to&ACA-do', 'caf&AOk-', 'old', '$Forwarded',
                    '\\Seen', '\\Flagged'},
            'two': set(), 'three': set()})

    def test_keywords_of_dovecot(self):
        uid = self.server.append('alice', 'INBOX', mail('one'),
                                 flags='work to&ACA-do \\Flagged')
        self.server.append('alice', 'INBOX', mail('two'), flags='$Junk')
        self.filter('''rules:
- name: a
  when: {label: work, is: starred}
  then: [{label: seen-work}]
- name: b
  when: {label: to do}
  then: [{label: seen-todo}]
- name: c
  when: {flag: $Junk}
  then: [{label: seen-junk}]
- name: d
  when: {label: "$Junk"}
  then: [{label: never}]
''')
        self.assertEqual(self.flags(), {
            'one': {'work', 'to&ACA-do', '\\Flagged', 'seen-work',
                    'seen-todo'},
            'two': {'$Junk', 'seen-junk'}})
        # Dovecot goes on with what we wrote, and we with what it wrote.
        with servers.closing(self.server.client('alice')) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('STORE', str(uid), '-FLAGS',
                                '(seen-todo work)'))
            servers.check(c.uid('STORE', str(uid), '+FLAGS', '(another)'))
        self.filter('''rules:
- name: e
  when: {label: another, not: {label: work}}
  then: [{label: last}]
''')
        self.assertEqual(self.flags()['one'], {
            'to&ACA-do', '\\Flagged', 'seen-work', 'another', 'last'})

    def test_moves_and_copies(self):
        self.server.append('alice', 'INBOX', [mail('move'), mail('copy'),
                                              mail('trash'), mail('stay')])
        self.server.append('alice', 'Archive', mail('there'),
                           flags='first second')
        before = {m.message_id: (m.date, m.size, m.digest)
                  for m in self.server.dump('alice')}
        self.filter('''rules:
- name: a
  when: {subject: move}
  then: [{label: second}, {mark: read}, archive]
- name: b
  when: {subject: copy}
  then: [{copy: "Lists/caf\u00e9"}]
- name: c
  when: {subject: trash}
  then: [trash]
''')
        self.assertEqual(self.flags('Archive'), {
            'there': {'first', 'second'}, 'move': {'second', '\\Seen'}})
        self.assertEqual(self.flags('Lists/caf&AOk-'), {'copy': set()})
        self.assertEqual(self.flags('Trash'), {'trash': set()})
        with servers.closing(self.server.client('alice')) as c:
            self.assertIn('Lists/caf&AOk-',
                          servers.listed(servers.check(c.lsub())))
        self.assertEqual(self.flags(), {'copy': set(), 'stay': set()})
        for box in ('Archive', 'Lists/caf&AOk-', 'Trash', 'INBOX'):
            for m in self.server.dump('alice', box):
                if m.message_id in before:
                    self.assertEqual((m.date, m.size, m.digest),
                                     before[m.message_id])
        # and once more there is nothing to do
        self.assertEqual('', self.filter('''rules:
- name: b
  when: {subject: copy}
  then: [{copy: "Lists/caf\u00e9"}]
''').out)
        self.assertEqual(len(self.flags('Lists/caf&AOk-')), 1)

    def test_labels_as_folders(self):
        self.server.append('alice', 'INBOX', [mail('one'), mail('two')])
        self.server.create('alice', 'work')
        with servers.closing(self.server.client('alice')) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('COPY', '2', 'work'))
        self.filter('''rules:
- name: a
  when: {subject: one}
  then: [{label: [work, lists/x]}]
- name: b
  when: {subject: two, label: work}
  then: [{unlabel: work}, {mark: starred}]
''', labels='folders')
        self.assertEqual(self.flags(), {'one': set(),
                                        'two': {'\\Flagged'}})
        self.assertEqual(self.flags('work'), {'one': set()})
        self.assertEqual(self.flags('lists/x'), {'one': set()})

    def test_while_a_client_looks_on(self):
        """A client that has INBOX selected hears of it all, and its own
        changes are not undone."""
        uids = self.server.append('alice', 'INBOX', [
            mail('n%d' % n) for n in range(20)])
        self.filter('rules: [{name: x, when: {subject: none}, '
                    'then: [archive]}]')
        with servers.closing(self.server.client('alice')) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('STORE', '%d:%d' % (uids[0], uids[9]),
                                '+FLAGS', '(mine)'))
            self.filter('''rules:
- name: y
  when: {subject: {regex: '^n1.$'}}
  then: [{label: ours}, archive]
- name: z
  when: {subject: {regex: '^n.$'}}
  then: [{label: ours}]
''')
            servers.check(c.uid('STORE', str(uids[9]), '+FLAGS',
                                '(\\Answered)'))
            servers.check(c.noop())
            data = servers.check(c.uid('FETCH', '1:*', '(FLAGS)'))
        self.assertEqual(len(data), 10)
        flags = self.flags()
        for n in range(9):
            self.assertEqual(flags['n%d' % n], {'mine', 'ours'})
        self.assertEqual(flags['n9'], {'mine', 'ours', '\\Answered'})
        self.assertEqual(len(self.flags('Archive')), 10)
        self.assertNotIn('Error', self.server.said())
        self.assertNotIn('Corrupted', self.server.said())


if __name__ == '__main__':
    tap.main()
