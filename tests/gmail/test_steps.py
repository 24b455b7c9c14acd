#!/usr/bin/env python3
"""The steps of a replacement, one by one, on a server that behaves as Gmail
does, under what it may do with a copy."""
# timeout: 600

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import gmail		# noqa: E402
import steps		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, TRASH, Case, mid	# noqa: E402

WEARS = ('a/b', 'work', '\\Inbox', '\\Important')


class Replacing(Case):
    def setUp(self):
        super().setUp()
        self.t = tamis.Tamis()
        self.t.rules('rules: []')
        self.t.config({'accounts': {'g': self.t.account(self.s, 'alice')}})

    def one(self, n=1, labels=WEARS, flags=('\\Seen', 'kw'), **more):
        self.raw = message(n)
        return self.c.load([dict(raw=self.raw, labels=labels, flags=flags,
                                 **more)])[0]

    def start(self):
        p = steps.Steps(self.t, 'g')
        p.__enter__()
        self.addCleanup(p.__exit__, None, None, None)
        return p

    def add(self, p, id, n=1, mailbox='INBOX', later=1, **more):
        i = p.add(mailbox, 1, self.uid(id, mailbox) or 1, steps.nonce(n),
                  id, mid(n))
        p.copy(i, steps.replaced(message(n), steps.nonce(n), later=later,
                                 **more))
        return i

    def live(self):
        return [m for m in self.c.dump()['messages'].values()
                if m['place'] == 'mail']

    def same_as(self, before, id, **replaced):
        """What the checker of the server says; nothing is wrong."""
        after = self.c.dump(raw=True)
        self.assertEqual(gmail.problems(
            before, after, self.c.log(),
            {id: lambda m: steps.FIELD in m['raw']}), [])


class Plainly(Replacing):
    """The server takes the copy as another message."""

    def test_all_steps(self):
        id, other = self.one(), self.one(2)
        before = self.c.dump(raw=True)
        p = self.start()
        self.add(p, id)
        p.step('ready')
        self.assertTrue(p.ok, p.error)
        r = p.step('capture')
        self.assertEqual(
            (r['outcome'], r['mailbox'], sorted(r['labels']),
             sorted(r['flags']), r['gmail_id'], r['received'], r['size']),
            ('done', ALL, sorted(WEARS), ['\\Seen', 'kw'], str(id),
             '1700000000', str(len(message(1)))))
        p.go('remember', 'upload', 'look')
        self.assertEqual(p[0]['found'], 'there')
        p.go('prove')
        self.assertEqual(p[0]['found'], 'proved')
        p.go('dress')
        self.assertEqual(len(self.live()), 3)
        r = p.go('retire')
        self.assertEqual(r['place'], 'in_trash')
        self.same_as(before, id)
        copy, = [m for m in self.live() if m['id'] not in (id, other)]
        self.assertEqual(r['copy_gmail_id'], str(copy['id']))
        self.assertEqual(int(r['uid_after']), self.uid(copy['id'], 'INBOX'))
        self.assertEqual(int(r['trash_uid']), self.uid(id, TRASH))
        self.assertEqual(p.step('whereabouts')['place'], 'in_trash')

    def test_again(self):
        """Each step may be repeated, by another process."""
        id = self.one()
        before = self.c.dump(raw=True)
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember', 'upload')
        for name in ('look', 'prove', 'dress', 'retire'):
            for _ in range(2):
                p.go(name)
                p.forget()
        self.assertEqual(p[0]['place'], 'in_trash')
        self.same_as(before, id)

    def test_where_it_is_is_not_said(self):
        """The last SEARCH is refused: retire is done once more."""
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember', 'upload', 'look', 'prove', 'dress')
        self.c.fault('no', 'UID SEARCH')
        r = p.step('retire')
        self.assertEqual((r['outcome'], r['uid_after']), ('unsure', '0'))
        r = p.go('retire')
        copy, = self.live()
        self.assertEqual(int(r['uid_after']), self.uid(copy['id'], 'INBOX'))

    def test_undo(self):
        id = self.one()
        before = self.c.dump()['messages']
        p = self.start()
        self.add(p, id)
        p.go()
        r = p.go('restore')
        self.assertEqual(r['place'], 'live')
        self.assertEqual(int(r['uid']), self.uid(id, ALL))
        p.go('discard')
        self.assertEqual([m['id'] for m in self.live()], [id])
        self.assertEqual(self.c.dump()['messages'][id], before[id])
        p.go('restore')
        self.assertEqual(p.step('whereabouts')['place'], 'live')
        self.assertEqual(self.c.dump()['messages'][id], before[id])

    def test_refused_at_capture(self):
        for labels, flags, lossy in (
                (['\\Draft'], (), True), (['\\Inbox', '\\Muted'], (), True),
                ([], ['\\Draft'], True)):
            self.c.reset('gmail')
            id = self.one(labels=labels, flags=flags)
            p = self.start()
            self.add(p, id, mailbox=ALL)
            r = p.step('capture')
            self.assertEqual(r['outcome'], 'refused', (labels, flags, r))
            p.set(0, 'lossy', 1)
            r = p.step('capture')
            self.assertEqual(r['outcome'], 'done', (labels, flags, r))
            before = self.m(id)
            p.go('remember', 'upload', 'look', 'prove', 'dress', 'retire')
            copy, = self.live()
            self.assertNotEqual(copy['id'], id)
            self.assertEqual(copy['labels'], [
                x for x in before['labels'] if x == '\\Inbox'])

    def test_away_is_refused(self):
        for place, folder in (('trash', TRASH), ('spam', '[Gmail]/Spam')):
            id = self.one(place=place)
            p = self.start()
            self.add(p, id, mailbox=folder)
            self.assertEqual(p.step('capture')['outcome'], 'refused')
            p = self.start()
            self.add(p, id)
            self.assertEqual(p.step('capture')['outcome'], 'passing')

    def test_not_ready(self):
        for switches, words in (
                (dict(all_mail_hidden=True), 'only in All Mail'),
                (dict(hidden=('\\Trash',)), 'originals go to Trash')):
            self.c.reset('gmail', **switches)
            p = self.start()
            p.step('ready')
            self.assertFalse(p.ok)
            self.assertIn(words, p.error)
        self.c.reset('gmail', folder_limit=1000)
        self.c.load([dict(raw=message(n)) for n in range(1100)])
        p = self.start()
        p.step('ready')
        self.assertIn('exactly 1000', p.error)

    def test_names(self):
        """System names in other languages, labels in every spelling."""
        labels = ('Grüße/x (y)', 'a "b"', '\\Inbox', '[x]', '+x', 'R&D')
        for switches in (dict(names='el'), dict(root='[Google Mail]'),
                         dict(label_form='literal'), dict(label_nil=True),
                         dict(label_form='mixed', own_label='shown'),
                         dict(item_order='random'), dict(copyuid='absent'),
                         dict(copyuid='descending'),
                         dict(appenduid='absent'), dict(modseq='zero'),
                         dict(modseq_ahead=5), dict(auto_expunge=False),
                         dict(deleted_search='found')):
            with self.subTest(**switches):
                self.c.reset('gmail', **switches)
                id = self.one(labels=labels)
                before = self.c.dump(raw=True)
                p = self.start()
                self.add(p, id)
                p.go()
                self.same_as(before, id)
                self.assertNotEqual(p[0]['trash_uid'], '0')

    def test_stars(self):
        id = self.one(labels=('\\Inbox', '\\Starred'))
        before = self.c.dump(raw=True)
        p = self.start()
        self.add(p, id)
        p.go()
        self.same_as(before, id)

    def test_thread(self):
        """Another thread is no proof."""
        id = self.one()
        p = self.start()
        p.add('INBOX', 1, 1, steps.nonce(1), id, mid(1))
        p.copy(0, steps.replaced(
            message(1).replace(b'1@example.org', b'9@example.org'),
            steps.nonce(1)))
        p.go('capture', 'remember', 'upload', 'look', 'prove')
        self.assertEqual(p[0]['found'], 'other_thread')
        p.set(0, 'new_thread', 1)
        p.go('prove')
        self.assertEqual(p[0]['found'], 'proved')
        p.go('discard')
        self.assertEqual([m['id'] for m in self.live()], [id])


class Refused(Replacing):
    """What an APPEND may be answered, and what is made of it."""

    def upload(self, **fault):
        self.c.reset('gmail')
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember')
        self.c.fault(command='APPEND', **fault)
        return p, p.step('upload')

    def test_refused(self):
        for text, outcome, words in (
                ('NO [OVERQUOTA] Account is out of storage (Failure)',
                 'passing', 'make room'),
                ('NO System Error (Failure)', 'passing', 'System Error'),
                ('NO [TRYCREATE] Unknown Mailbox (Failure)', 'passing',
                 'the mailbox has gone'),
                ('NO [LIMIT] Slow down', 'passing', 'less at a time'),
                ('NO [TOOBIG] Message too large', 'refused', 'too big'),
                ('NO [CANNOT] Never', 'refused', 'Never'),
                ('BAD Invalid Arguments: Unable to parse message',
                 'refused', 'Unable to parse')):
            with self.subTest(text=text):
                p, r = self.upload(do='no', text=text)
                self.assertEqual(r['outcome'], outcome, r)
                self.assertIn(words, r['reason'])
                self.assertTrue(p.ok)
                self.assertEqual(len(self.live()), 1)

    def test_no_behind_the_effect(self):
        for do in ('no', 'storage', 'bad'):
            p, r = self.upload(do=do, where='after')
            self.assertEqual(r['outcome'], 'done', r)
            self.assertEqual(len(self.live()), 2)

    def test_bandwidth(self):
        p, r = self.upload(do='overquota')
        self.assertEqual((p.ok, r['outcome']), (0, 'unsure'), r)
        self.assertIn('bandwidth', p.error)

    def test_throttled(self):
        """Said behind an OK: all is done, and a pause is made."""
        p, r = self.upload(do='throttled', where='after')
        self.assertEqual(r['outcome'], 'done')
        p.go('look', 'prove', 'dress', 'retire')
        self.assertEqual(len(self.live()), 1)

    def test_no_answer(self):
        for where in ('before', 'after', 'tagged'):
            p, r = self.upload(do='drop', where=where)
            self.assertEqual((p.ok, r['outcome']), (0, 'unsure'), r)
            p.forget()
            p.go('look')
            self.assertEqual(p[0]['found'], 'absent' if where == 'before'
                             else 'there')

    def test_over_the_limit(self):
        self.c.reset('gmail', append_limit=200)
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember')
        r = p.step('upload')
        self.assertEqual(r['outcome'], 'refused')
        self.assertIn('APPENDLIMIT', r['reason'])
        self.c.reset('gmail', append_limit=100)
        id = self.one()
        p = self.start()
        self.add(p, id)
        r = p.step('capture')
        self.assertEqual(r['outcome'], 'refused')
        self.assertIn('APPENDLIMIT', r['reason'])


class Swallowed(Replacing):
    """M22 to M26: what the server may make of the copy."""

    def upload(self, later=0, **switches):
        self.c.reset('gmail', **switches)
        id = self.one()
        p = self.start()
        self.add(p, id, later=later)
        p.go('capture', 'remember', 'upload', 'look')
        return id, p

    def test_old_content_is_kept(self):
        for same in ('old_uid', 'new_uid', 'merge'):
            with self.subTest(same=same):
                id, p = self.upload(same=same)
                self.assertEqual(p[0]['found'], 'swallowed')
                self.assertEqual(p[0]['twins'], [])
                self.assertEqual([m['id'] for m in self.live()], [id])

    def test_nothing_is_shown(self):
        """OK, and no UID, or one of nothing."""
        for same in ('ghost_uid', 'no_uid'):
            with self.subTest(same=same):
                id, p = self.upload(same=same)
                self.assertEqual(p[0]['found'], 'absent')
                self.assertEqual(p[0]['copy_uid'], '0')
                p.go('prove')
                self.assertEqual(p[0]['found'], 'swallowed')

    def test_then_another_date(self):
        """The next of on_swallowed."""
        for same in ('old_uid', 'new_uid', 'merge', 'ghost_uid', 'no_uid'):
            with self.subTest(same=same):
                id, p = self.upload(same=same)
                before = self.c.dump(raw=True)
                p.copy(0, steps.replaced(self.raw, steps.nonce(1)))
                p.go('remember', 'upload', 'look', 'prove', 'dress',
                     'retire')
                self.same_as(before, id)

    def test_in_its_place(self):
        for labels in ('kept', 'lost'):
            with self.subTest(labels=labels):
                id, p = self.upload(same='replace', same_labels=labels)
                self.assertEqual(p[0]['found'], 'there')
                p.go('prove')
                self.assertEqual(p[0]['found'], 'instead')
                p.go('dress', 'retire')
                self.assertEqual(p[0]['place'], 'gone')
                copy, = self.live()
                self.assertEqual(int(p[0]['uid_after']),
                                 self.uid(copy['id'], 'INBOX'))
                self.assertEqual(sorted(copy['labels']), sorted(WEARS))
                self.assertEqual(copy['flags'], ['\\Seen', 'kw'])

    def test_twin_in_trash(self):
        """An earlier copy lies in Trash: APPEND brings it back."""
        for twin in ('back', 'stays', 'separate'):
            with self.subTest(twin=twin):
                self.c.reset('gmail', trash_twin=twin)
                id = self.one()
                earlier = steps.replaced(self.raw, steps.nonce(7))
                old, = self.c.load([dict(raw=earlier, place='trash')])
                p = self.start()
                self.add(p, id)
                p.go('capture', 'remember', 'upload', 'look')
                if twin == 'separate':
                    self.assertEqual(p[0]['found'], 'there')
                    continue
                self.assertEqual(p[0]['found'],
                                 {'back': 'swallowed',
                                  'stays': 'absent'}[twin])
                if twin == 'back':
                    self.assertEqual(self.m(old)['place'], 'mail')
                    self.assertEqual(p[0]['twins'],
                                     [str(self.uid(old, ALL))])
                    p.go('discard')
                self.assertEqual(self.m(old)['place'], 'trash')
                self.assertEqual([m['id'] for m in self.live()], [id])

    def test_refolded(self):
        self.c.reset('gmail', bytes='refolded', rewrapped=True, size_off=7)
        raw = message(1, headers=[
            ('Received', 'from a \r\n\tby b;\r\n\tdate '),
            ('X-Long', 'word ' * 40)])
        id, = self.c.load([dict(raw=raw, labels=WEARS)])
        before = self.c.dump(raw=True)
        p = self.start()
        p.add('INBOX', 1, self.uid(id, 'INBOX'), steps.nonce(1), id, mid(1))
        p.copy(0, steps.replaced(raw, steps.nonce(1)))
        p.go()
        self.same_as(before, id)

    def test_other_content_is_not_ours(self):
        """A message that has our nonce, as a forwarded one may: also if the
        server takes the copy for it."""
        for later, found in ((2, ('done', 'there', '13')),
                             (1, ('refused', 'unknown', '0'))):
            with self.subTest(later=later):
                self.c.reset('gmail')
                self.other_content(later, found)

    def other_content(self, later, found):
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember')
        other, = self.c.load([dict(raw=steps.replaced(
            self.raw, steps.nonce(1), later=later, body=b'Other.\r\n'),
            date=1700000099)])
        r = p.step('look')
        self.assertEqual((r['outcome'], r['found']), ('refused', 'unknown'))
        r = p.step('upload')
        r = p.step('look')
        self.assertEqual((r['outcome'], r['found'], r['copy_uid']), found)
        self.assertEqual(self.m(other)['place'], 'mail')

    def test_twice(self):
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember', 'upload')
        second, = self.c.load([dict(
            raw=steps.replaced(self.raw, steps.nonce(1)), labels=[])])
        p.go('look')
        self.assertEqual(p[0]['found'], 'twice')
        self.assertEqual(p[0]['twins'], [str(self.uid(second, ALL))])
        p.go('discard')
        self.assertEqual([m['id'] for m in self.live()], [id])

    def test_a_variant_that_landed_late(self):
        """It is ours: of the copy it is a twin, alone it is not whole."""
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember', 'upload', 'look')
        first = p[0]['copy_uid']
        p.copy(0, steps.replaced(self.raw, steps.nonce(1), later=2))
        p.go('look')
        self.assertEqual((p[0]['found'], p[0]['copy_uid']), ('there', first))
        p.go('prove')
        self.assertEqual(p[0]['found'], 'differs')
        before = self.c.dump(raw=True)['messages']
        p.set(0, 'copy_uid', 0)
        p.go('upload', 'look')
        self.assertEqual((p[0]['found'], p[0]['twins']), ('twice', [first]))
        second = p[0]['copy_uid']
        p.set(0, 'copy_uid', 0)
        p.go('discard')
        p.go('look', 'prove', 'dress', 'retire')
        self.assertEqual(p[0]['copy_uid'], second)
        self.assertEqual(len(self.live()), 1)
        self.assertEqual(len(before), 2)

    def test_lag(self):
        for switches in (dict(exists_lag='noop', index_lag='noop'),
                         dict(exists_lag=0.5, index_lag=1.0)):
            with self.subTest(**switches):
                self.c.reset('gmail', **switches)
                id = self.one()
                before = self.c.dump(raw=True)
                p = self.start()
                self.add(p, id)
                p.go()
                self.same_as(before, id)

    def test_renumbered(self):
        """UIDVALIDITY changes: the copy is found by its nonce."""
        for when in ('upload', 'look', 'prove', 'dress'):
            with self.subTest(when=when):
                self.c.reset('gmail')
                id = self.one()
                before = self.c.dump(raw=True)
                p = self.start()
                self.add(p, id)
                names = steps.ALL_STEPS
                for name in names[:names.index(when)]:
                    p.go(name)
                p.forget()
                self.c.now('renumber', folder=ALL)
                r = p.step(when)
                if when != 'look':
                    self.assertEqual(r['outcome'], 'passing', r)
                if when == 'upload':
                    p.go('remember', 'upload')
                p.go('look', 'prove', 'dress', 'retire')
                self.same_as(before, id)

    def test_trash_takes_both(self):
        """The copy has the Message-ID of the original."""
        self.c.reset('gmail', trash_takes='same_id')
        id = self.one()
        before = self.c.dump(raw=True)
        p = self.start()
        self.add(p, id)
        p.go()
        self.same_as(before, id)
        copy, = self.live()
        self.assertEqual(int(p[0]['copy_uid']), self.uid(copy['id'], ALL))
        self.assertEqual(int(p[0]['uid_after']),
                         self.uid(copy['id'], 'INBOX'))

    def test_nothing_there(self):
        """A look that is not behind an upload is not patient."""
        id = self.one()
        p = self.start()
        self.add(p, id)
        p.go('capture', 'remember', 'look')
        self.assertEqual(p[0]['found'], 'absent')


if __name__ == '__main__':
    tap.main()
