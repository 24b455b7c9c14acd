#!/usr/bin/env python3
"""The steps of a replacement, one by one, on servers that are not Gmail."""
# timeout: 600

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import gmail		# noqa: E402
import servers		# noqa: E402
import steps		# noqa: E402
import runs		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402

FLAGS = '\\Seen \\Flagged kw'
WORN = frozenset(['\\Seen', '\\Flagged', 'kw'])
DATE = '17-Jul-2024 02:44:25 +0200'

# What it offers beside IMAP4rev1; the other commands work all the same.
DOVECOTS = {
    'all': None,
    'no_move': 'IMAP4rev1 LITERAL+ UIDPLUS CONDSTORE SPECIAL-USE '
               'LIST-EXTENDED NAMESPACE',
    'no_uidplus': 'IMAP4rev1 LITERAL+ MOVE CONDSTORE SPECIAL-USE '
                  'LIST-EXTENDED NAMESPACE',
    'bare': 'IMAP4rev1',
}
# Which of the copies and originals are where at the end.
MOVES = ('all', 'no_uidplus')


class Plain(runs.Case):
    def begin(self, server, n=1, flags=FLAGS, **account):
        self.s = server
        self.raw = message(n)
        server.append('alice', 'INBOX', message(9), '\\Answered', DATE)
        server.append('alice', 'INBOX', self.raw, flags, DATE)
        self.t.rules('rules: []')
        self.configure(a=self.t.account(server, **account))
        self.old = [m for m in self.inbox() if m.message_id == mid(n)][-1]
        p = steps.Steps(self.t, 'a')
        p.__enter__()
        self.addCleanup(p.__exit__, None, None, None)
        status = server.status('alice', 'INBOX')
        p.add('INBOX', status['UIDVALIDITY'], self.old.uid, steps.nonce(n),
              0, mid(n))
        self.copy = steps.replaced(self.raw, steps.nonce(n), later=0)
        p.copy(0, self.copy)
        return p

    def inbox(self):
        return self.s.dump('alice', 'INBOX')

    def trash(self):
        return self.s.dump_all('alice').get('Trash', [])

    def is_copy(self, m, flags=WORN):
        self.assertEqual((m.digest, m.flags, m.date), (
            digest(self.copy), flags, self.old.date))

    def others(self):
        return [m for m in self.inbox() if m.message_id != mid(9)]


def mid(n):
    return '%d@example.org' % n


def digest(raw):
    import hashlib
    return hashlib.sha256(raw).hexdigest()


class Dovecot(Plain):
    def dovecot(self, name='all', format='maildir'):
        return self.start(servers.Dovecot(format, capability=DOVECOTS[name]))

    def test_all_steps(self):
        for name in DOVECOTS:
            with self.subTest(offers=name):
                p = self.begin(self.dovecot(name))
                p.step('ready')
                self.assertTrue(p.ok, p.error)
                r = p.go('capture')
                self.assertEqual((r['mailbox'], r['received'], r['zone'],
                                  r['size']),
                                 ('INBOX', '1721177065', '0',
                                  str(len(self.raw))))
                self.assertEqual(frozenset(r['flags']), WORN)
                for step, found in (('remember', None), ('upload', None),
                                    ('look', 'there'), ('prove', 'proved'),
                                    ('dress', None), ('retire', None)):
                    r = p.go(step)
                    if found:
                        self.assertEqual(r['found'], found)
                place = {'all': 'in_trash', 'no_uidplus': 'in_trash',
                         'no_move': 'gone', 'bare': 'marked'}[name]
                self.assertEqual(r['place'], place)
                left = self.others()
                if place == 'marked':
                    self.assertEqual(
                        left.pop(0).flags, WORN | {'\\Deleted'})
                copy, = left
                self.is_copy(copy)
                self.assertEqual(r['uid_after'], str(copy.uid))
                trash = [m.digest for m in self.trash()]
                self.assertEqual(trash, [self.old.digest] * (
                    place == 'in_trash'))
                p.forget()
                self.assertEqual(p.go('whereabouts')['place'], place)
                p.go('retire')
                self.assertEqual(p[0]['place'], place)
                self.undo(p, place)

    def undo(self, p, place):
        r = p.step('restore')
        if place == 'gone':
            self.assertEqual(r['outcome'], 'refused')
            return
        self.assertEqual((r['outcome'], r['place']), ('done', 'live'))
        self.assertEqual(p.go('discard')['copy_uid'], '0')
        kept = [m for m in self.others() if '\\Deleted' not in m.flags]
        self.assertEqual([(m.digest, m.flags, m.date) for m in kept],
                         [(self.old.digest, WORN, self.old.date)])
        self.assertEqual(int(r['uid']), kept[0].uid)

    def test_again(self):
        p = self.begin(self.dovecot('all', 'mdbox'))
        p.go('capture', 'remember', 'upload')
        for name in ('look', 'prove', 'dress', 'retire'):
            for _ in range(2):
                p.go(name)
                p.forget()
        copy, = self.others()
        self.is_copy(copy)
        self.assertEqual(len(self.trash()), 1)

    def test_changed_meanwhile(self):
        """Flags that come and go on the original go with it."""
        for name in DOVECOTS:
            with self.subTest(offers=name):
                p = self.begin(self.dovecot(name))
                p.go('capture', 'remember', 'upload', 'look', 'prove',
                     'dress')
                with self.s.client() as c:
                    c.select('INBOX')
                    c.uid('STORE', str(self.old.uid), '+FLAGS',
                          '(\\Answered new)')
                    c.uid('STORE', str(self.old.uid), '-FLAGS',
                          '(\\Seen)')
                p.go('retire')
                self.is_copy(self.others()[-1], frozenset(
                    ['\\Flagged', 'kw', '\\Answered', 'new']))

    def test_trash_is_made(self):
        """One that the config names, and that is not there yet."""
        p = self.begin(self.dovecot(), trash='Old/Bin')
        p.go()
        self.assertEqual(p[0]['place'], 'in_trash')
        self.assertEqual([m.digest for m in self.s.dump(
            'alice', 'Old/Bin')], [self.old.digest])

    def test_original_goes(self):
        for name in ('all', 'no_move'):
            for before, outcome, what in (
                    ('capture', 'passing', None),
                    ('prove', 'done', ('found', 'alone')),
                    ('retire', 'done', ('place', 'gone'))):
                with self.subTest(offers=name, before=before):
                    p = self.begin(self.dovecot(name))
                    at = steps.ALL_STEPS.index(before)
                    for step in steps.ALL_STEPS[:at]:
                        p.go(step)
                    with self.s.client() as c:
                        c.select('INBOX')
                        c.uid('STORE', str(self.old.uid), '+FLAGS',
                              '(\\Deleted)')
                        c.expunge()
                    r = p.step(before)
                    self.assertEqual(r['outcome'], outcome, r)
                    if what:
                        self.assertEqual(r[what[0]], what[1])

    def test_copy_goes(self):
        p = self.begin(self.dovecot())
        p.go('capture', 'remember', 'upload', 'look', 'prove', 'dress')
        with self.s.client() as c:
            c.select('INBOX')
            c.uid('STORE', p[0]['copy_uid'], '+FLAGS', '(\\Deleted)')
            c.expunge()
        r = p.step('retire')
        self.assertEqual(r['outcome'], 'passing', r)
        self.assertEqual([m.digest for m in self.others()],
                         [self.old.digest])

    def test_found_by_content(self):
        """After UIDVALIDITY has changed."""
        p = self.begin(self.dovecot())
        self.s.append('alice', 'INBOX', self.raw.replace(
            b'Hello', b'Hullo'), FLAGS, DATE)
        p.go('capture', 'remember', 'upload', 'look', 'prove', 'dress')
        p.forget()
        with self.s.client() as c:
            c.create('Other')
            c.select('INBOX')
            c.copy('1:*', 'Other')
            c.store('1:*', '+FLAGS', '(\\Deleted)')
            c.expunge()
        self.s.doveadm('mailbox', 'update', '-u', 'alice',
                       '--uid-validity', '4711', 'INBOX')
        with self.s.client() as c:
            c.select('Other')
            c.copy('1:*', 'INBOX')
            c.delete('Other')
        self.assertEqual(p.step('prove')['outcome'], 'passing')
        p.go('look', 'prove', 'dress', 'retire')
        self.assertEqual(p[0]['place'], 'in_trash')
        self.assertEqual([m.digest for m in self.trash()],
                         [self.old.digest])

    def test_a_keyword_that_cannot_be_kept(self):
        p = self.begin(self.dovecot())
        r = p.go('capture')
        self.assertIn('kw', r['flags'])


class Cyrus(Plain):
    def test_all_steps(self):
        p = self.begin(self.start(servers.Cyrus()))
        p.go()
        copy, = self.others()
        self.is_copy(copy)
        self.assertEqual(p[0]['place'], 'in_trash' if self.trash()
                         else 'gone')
        if self.trash():
            p.go('restore', 'discard')
            kept, = self.others()
            self.assertEqual((kept.digest, kept.flags), (
                self.old.digest, WORN))


class Personalities(Plain):
    """Servers that are others by name."""

    def test_all_steps(self):
        for name, place in (
                ('dovecot', 'in_trash'), ('dovecot_replace', 'in_trash'),
                ('cyrus', 'in_trash'), ('yahoo', 'in_trash'),
                ('no_uidplus', 'in_trash'), ('no_move', 'gone'),
                ('bare', 'marked')):
            with self.subTest(name=name):
                p = self.begin(self.start(gmail.Server(profile=name)))
                p.go()
                self.assertEqual(p[0]['place'], place)
                left = self.others()
                if place == 'marked':
                    left.pop(0)
                copy, = left
                self.is_copy(copy)

    def test_rebuilt(self):
        """A server that drops our field: the copy goes, nothing else."""
        p = self.begin(self.start(gmail.Server(profile='exchange')))
        p.go('capture', 'remember', 'upload', 'look')
        self.assertEqual(p[0]['found'], 'differs')
        p.go('discard')
        self.assertEqual([m.digest for m in self.others()],
                         [self.old.digest])

    def test_rebuilt_without_a_word(self):
        """It may be ours: nothing is done."""
        s = self.start(gmail.Server(profile='exchange'))
        p = self.begin(s)
        p.go('capture', 'remember')
        s.control.fault('drop', 'APPEND', where='after')
        r = p.step('upload')
        self.assertEqual((p.ok, r['outcome']), (0, 'unsure'))
        p.set(0, 'sent', 0)
        r = p.step('look')
        self.assertEqual((r['outcome'], r['found']), ('refused', 'unknown'))

    def test_keywords(self):
        s = self.start(gmail.Server(profile='no_keywords'))
        s.control.load([dict(raw=message(1), folder='INBOX', flags=['kw'],
                             date=1721177065)])
        p = self.begin(s, flags='')
        r = p.step('capture')
        self.assertEqual(r['outcome'], 'done')
        uid = min(m.uid for m in self.others())
        p.add('INBOX', s.status('alice', 'INBOX')['UIDVALIDITY'], uid,
              steps.nonce(2), 0, mid(1))
        p.step('capture')
        self.assertEqual(p[1]['outcome'], 'refused', p[1])
        self.assertIn('keyword', p[1]['reason'])

    def test_uidvalidity_before_capture(self):
        s = self.start(gmail.Server(profile='dovecot'))
        p = self.begin(s)
        s.control.now('renumber', folder='INBOX')
        self.assertEqual(p.step('capture')['outcome'], 'passing')

    def test_read_only_and_trash(self):
        s = self.start(gmail.Server(profile='dovecot'))
        s.append('alice', 'Trash', message(1), FLAGS, DATE)
        p = self.begin(s)
        p.add('Trash', s.status('alice', 'Trash')['UIDVALIDITY'], 1,
              steps.nonce(2), 0, mid(1))
        p.add('Nowhere', 1, 1, steps.nonce(3), 0, mid(1))
        p.step('capture')
        self.assertEqual([r['outcome'] for r in p.rows],
                         ['done', 'refused', 'passing'])


if __name__ == '__main__':
    tap.main()
