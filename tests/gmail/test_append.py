#!/usr/bin/env python3
"""APPEND at the Gmail-like server: M22 to M28 of its model."""

import os
import re
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + '/../lib']

import tap	# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, TRASH, Case, mid	# noqa: E402

DATE = '17-Jul-2026 02:44:25 +0200'
SECONDS = 1784249065
OTHER_DATE = 'Fri, 16 Jan 2026 10:00:00 +0000'


def uid_of(said):
    m = re.search(r'APPENDUID \d+ (\d+)\]', said)
    return m and int(m.group(1))


class Sameness(Case):
    """M22, M24"""

    def is_same(self, first, second, into=ALL, **load):
        a = self.c.load([dict(raw=first, **load)])[0]
        t = self.talk()
        said = t.append(into, second)
        self.assertTrue(said.startswith('OK'), said)
        same = len(self.c.dump()['messages']) == 1
        if same:	# the old content is kept
            self.assertEqual(self.m(a)['size'], len(first))
        return same

    def test_m22_the_key(self):
        base = message(1)
        for key, changed, same in (
                ('id+date', dict(body='Other.\r\n'), True),
                ('id+date', dict(subject='other'), True),
                ('id+date', dict(date=OTHER_DATE), False),
                ('id', dict(date=OTHER_DATE), True),
                ('id+date+subject+from', dict(subject='other'), False),
                ('id+date+subject+from', dict(sender='x@x.org'), False),
                ('id+date+subject+from', dict(body='Other.\r\n'), True)):
            self.fresh(same_key=key)
            self.assertEqual(self.is_same(base, message(1, **changed)),
                             same, (key, changed))
            self.fresh(same_key=key)
            self.assertFalse(self.is_same(base, message(2)))

    def test_m22_without_message_id_never(self):
        raw = message(1).replace(b'Message-ID: <1@example.org>\r\n', b'')
        self.assertFalse(self.is_same(raw, raw))

    def test_m22_the_scope(self):
        for scope, same in (('store', True), ('folder', False)):
            self.fresh(same_scope=scope)
            self.assertEqual(self.is_same(
                message(1), message(1), '[Gmail]/Drafts'), same)
            for place in ('trash', 'spam'):
                self.fresh(same_scope=scope)
                self.assertEqual(self.is_same(
                    message(1), message(1), place=place), same, place)
            self.fresh(same_scope=scope)
            self.assertTrue(self.is_same(message(1), message(1), 'INBOX'))

    def test_m24_threads(self):
        a = self.load(1)
        t = self.talk()
        for n, headers, shared in (
                (2, [('References', '<x@y> <1@example.org>')], True),
                (3, [('In-Reply-To', '<1@example.org>')], True),
                (4, [], False)):
            t.append(ALL, message(n, headers=headers))
            m = self.m(self.c.ids()[mid(n)][0])
            self.assertEqual(m['thread'] == self.m(a)['thread'], shared)
            self.assertNotEqual(m['id'], a)
        t.append(ALL, message(1, date=OTHER_DATE))
        both = self.c.ids()[mid(1)]
        self.assertEqual(len(both), 2)
        self.assertEqual({self.m(i)['thread'] for i in both},
                         {self.m(a)['thread']})


class WhenTheSame(Case):
    """M23: an old message with label x, and a new one for All Mail."""

    def append(self, place='mail', **switches):
        self.fresh(**switches)
        self.old = self.c.load([dict(
            raw=message(1), labels=['\\Inbox', 'x'], flags=['\\Flagged'],
            place=place)])[0]
        self.new = message(1, body='New body.\r\n')
        self.t = self.talk()
        said = self.t.append(ALL, self.new, '\\Seen', DATE)
        self.assertTrue(said.startswith('OK'), said)
        return uid_of(said)

    def test_old_uid(self):
        uid = self.append(same='old_uid')
        self.assertEqual(uid, self.uid(self.old, ALL))
        m = self.m(self.old)
        self.assertEqual((m['size'], m['flags'], m['labels']),
                         (len(message(1)), ['\\Flagged'],
                          ['\\Inbox', 'x']))

    def test_ghost_uid(self):
        uid = self.append(same='ghost_uid')
        self.t.ok('SELECT "%s"' % ALL)
        self.assertEqual(self.t.fetch(uid, 'FLAGS'), {})
        self.assertGreater(uid, self.uid(self.old, ALL))

    def test_new_uid_shows_the_old_content(self):
        was = 11
        uid = self.append(same='new_uid')
        self.assertGreater(uid, was)
        self.t.ok('SELECT "%s"' % ALL)
        self.assertEqual(self.t.fetch(uid, 'BODY.PEEK[]')['BODY[]'],
                         message(1))
        self.assertEqual(self.t.fetch(was, 'FLAGS'), {})

    def test_merge(self):
        self.append(same='merge')
        m = self.m(self.old)
        self.assertEqual((m['flags'], m['size']),
                         (['\\Flagged', '\\Seen'], len(message(1))))
        self.t.append('y', self.new)	# no such folder
        self.t.ok('CREATE y')
        uid = uid_of(self.t.append('y', self.new))
        self.assertEqual(self.m(self.old)['labels'], ['\\Inbox', 'x', 'y'])
        self.assertEqual(uid, self.uid(self.old, 'y'))

    def test_replace(self):
        for labels, left in (('kept', ['\\Inbox', 'x']), ('lost', [])):
            uid = self.append(same='replace', same_labels=labels)
            self.assertIsNone(self.m(self.old))
            m, = self.c.dump()['messages'].values()
            self.assertEqual((m['size'], m['labels'], m['flags'],
                              m['date']),
                             (len(self.new), left, ['\\Seen'], SECONDS))
            self.assertEqual(uid, self.uid(m['id'], ALL))

    def test_replace_tells_other_sessions(self):
        self.fresh(same='replace')
        self.load(1)
        t = self.talk('INBOX')
        t.append('INBOX', message(1, body='New.\r\n'))
        self.assertEqual(t.lines, [b'* 1 EXPUNGE', b'* 1 EXISTS'])

    def test_no_uid(self):
        self.assertIsNone(self.append(same='no_uid'))
        self.assertEqual(len(self.c.dump()['messages']), 1)
        self.assertIsNotNone(uid_of(self.t.append(ALL, message(2))))

    def test_separate(self):
        uid = self.append(same='separate')
        self.assertEqual(len(self.c.dump()['messages']), 2)
        self.assertNotEqual(uid, self.uid(self.old, ALL))

    def test_no_appenduid_at_all(self):
        for how, there in (('given', True), ('absent', False)):
            self.append(appenduid=how)
            said = self.t.append(ALL, message(2))
            self.assertEqual(uid_of(said) is not None, there)
            self.assertEqual(len(self.c.ids()[mid(2)]), 1)

    def test_a_twin_in_trash(self):
        self.append('trash', trash_twin='back')
        m, = self.c.dump()['messages'].values()
        self.assertEqual((m['id'], m['place'], m['labels'], m['date'],
                          m['size']),
                         (self.old, 'mail', [], 1700000000,
                          len(message(1))))
        uid = self.append('trash', trash_twin='stays')
        m, = self.c.dump()['messages'].values()
        self.assertEqual(m['place'], 'trash')
        self.t.ok('SELECT "%s"' % ALL)
        self.assertEqual(self.t.fetch(uid, 'FLAGS'), {})
        self.append('trash', trash_twin='separate')
        self.assertEqual(len(self.c.dump()['messages']), 2)


class Taking(Case):
    """M25 to M28"""

    def test_m25_date_flags_keywords(self):
        t = self.talk()
        t.append('INBOX', message(1), '\\Seen \\Flagged key', DATE)
        m, = self.c.dump()['messages'].values()
        self.assertEqual((m['date'], m['flags'], m['labels']),
                         (SECONDS, ['\\Flagged', '\\Seen', 'key'],
                          ['\\Inbox']))
        t.append(ALL, message(2))
        m = self.m(self.c.ids()[mid(2)][0])
        self.assertAlmostEqual(m['date'], time.time(), delta=60)
        self.assertEqual((m['labels'], m['flags']), ([], []))

    def test_m25_appended_as_deleted(self):
        for how, where in (('gone', []), ('trash', [TRASH])):
            self.fresh(append_deleted=how)
            t = self.talk()
            self.assertIsNotNone(uid_of(t.append(
                'INBOX', message(1), '\\Deleted')))
            self.assertEqual(
                [f for f, v in self.c.dump()['folders'].items()
                 if v['uids']], where)

    def test_m26_headers_are_wrapped_anew(self):
        raw = message(1, headers=[('X-Long', ' a\r\n\tb' + ' word' * 30)])
        raw = raw.replace(b'\r\n\r\nHello', b'\r\nContent-Type: multipart/'
                          b'mixed; boundary=b\r\n\r\n--b\r\nContent-Type:  '
                          b'text/plain;\r\n\tformat=flowed \r\n\r\nHello')
        for on in (False, True):
            self.fresh(rewrapped=on)
            self.c.load([{'raw': raw}])
            t = self.talk('INBOX')
            got = t.fetch(1, 'BODY.PEEK[] BODY.PEEK[HEADER] '
                          'BODY.PEEK[1.MIME]')
            self.assertEqual(got['BODY[]'], raw)
            header = raw[:raw.index(b'\r\n\r\n') + 4]
            self.assertEqual(got['BODY[HEADER]'] == header, not on)
            self.assertEqual(b'\t' in got['BODY[1.MIME]'], not on)
            self.assertEqual(b''.join(got['BODY[HEADER]'].split()),
                             b''.join(header.split()))

    def test_m26_octets_and_size(self):
        raw = message(1, headers=[('Received', 'from x \r\n\tby y')])
        for how, off in (('kept', 0), ('refolded', -2), ('rebuilt', 3)):
            self.fresh(bytes=how, size_off=off)
            t = self.talk('INBOX')
            t.append('INBOX', raw)
            got = t.fetch(1, 'BODY.PEEK[] RFC822.SIZE')
            self.assertEqual(got['BODY[]'] == raw, how == 'kept')
            self.assertEqual(int(got['RFC822.SIZE']),
                             len(got['BODY[]']) + off)
            if how == 'refolded':
                self.assertIn(b'from x\r\n by y', got['BODY[]'])

    def test_m26_rebuilt_drops_what_it_does_not_know(self):
        raw = message(1, headers=[('X-Nonce', 'abc')])
        for how, kept in (('kept', True), ('rebuilt', False)):
            self.fresh(bytes=how)
            t = self.talk('INBOX')
            t.append('INBOX', raw)
            self.assertEqual(b'X-Nonce' in t.fetch(
                1, 'BODY.PEEK[]')['BODY[]'], kept)

    def test_m27_too_large(self):
        for limit, said in ((10000, 'OK'), (100, 'NO')):
            self.fresh(append_limit=limit)
            t = self.talk()
            self.assertEqual(t.append('INBOX', message(1))[:2], said)
            t.ok('NOOP')	# the literal was not sent

    def test_m27_a_nul_ends_the_connection(self):
        t = self.talk()
        self.assertIsNone(t.append('INBOX', message(1) + b'\0'))
        self.assertEqual(self.c.dump()['messages'], {})

    def test_m27_what_cannot_be_parsed(self):
        t = self.talk()
        bad = 'BAD Invalid Arguments: Unable to parse message'
        self.assertEqual(t.append('INBOX', b'Subject: x\nTo: y\r\n\r\nz'),
                         bad)
        self.assertEqual(t.append('INBOX', b'From alice\r\n\r\nz'), bad)
        self.assertEqual(t.append('INBOX', b'Subject: x\r\n\r\nb\nb')[:2],
                         'OK')

    def test_m27_a_refusal_that_does_not_last(self):
        for how in ('taken', 'refused'):
            self.fresh(append_first=how)
            t = self.talk()
            self.assertEqual(t.append('INBOX', message(1))[:2],
                             'NO' if how == 'refused' else 'OK')
            self.assertEqual(t.append('INBOX', message(1))[:2], 'OK')
            self.assertEqual(len(self.c.dump()['messages']), 1)

    def test_m28_the_new_message_lags(self):
        for lag in (0, 'noop', 0.2):
            self.fresh(exists_lag=lag)
            t, other = self.talk('INBOX'), self.talk()
            uid = uid_of(t.append('INBOX', message(1)))
            self.assertEqual(bool(t.said('EXISTS')), not lag)
            self.assertEqual(bool(t.fetch(uid, 'FLAGS')), not lag)
            other.ok('SELECT INBOX')
            self.assertTrue(other.said('%d EXISTS' % (not lag)))
            if lag == 'noop':
                t.ok('NOOP')
            elif lag:
                time.sleep(0.25)
                t.ok('NOOP')
            if lag:
                self.assertTrue(t.said('1 EXISTS'))
            self.assertTrue(t.fetch(uid, 'FLAGS'), lag)


if __name__ == '__main__':
    tap.main()
