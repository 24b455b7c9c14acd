#!/usr/bin/env python3
"""Messages that cannot be changed now, and mail that moves under a run."""
# timeout: 240

import unittest

import faultproxy
import runs
import servers
import tamis
import tap
from faultproxy import Fault
from mailmaker import ids, message

RULES = '''
rules:
  - {name: go, when: {subject: go}, then: [{move: Gone}]}
  - {name: keep, when: {subject: keep}, then: [{copy: Kept}]}
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
  - {name: label, when: {subject: label}, then: [{label: work}]}
  - {name: due, when: {body: amount due}, then: [{mark: read}]}
'''
TRIES = 5
STAR = frozenset(['\\Flagged'])


class Base(runs.Case):
    capability = None

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot(capability=cls.capability, quota='20K')
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        cls.server.create('alice', 'Gone', 'Kept', 'Work')
        cls.server.save()

    def setUp(self):
        super().setUp()
        self.server.restore()
        self.t.rules(RULES)
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.account = self.t.account(self.proxy)
        self.configure(a=self.account)
        self.expect(0, 'run')

    def fill(self, *subjects, first=1, mailbox='INBOX', **more):
        self.server.append('alice', mailbox, [
            message(n, subject=s, **more)
            for n, s in enumerate(subjects, first)])

    def run_counts(self, status=0, **counts):
        r = self.expect(status, '--json', 'run')
        run, = [o for o in r.json() if o['type'] == 'run']
        self.assertEqual({k: run[k] for k in counts}, counts, r)
        return r

    def other_client(self, *commands, mailbox='INBOX'):
        """Commands of another client, while ours stands still."""
        with servers.closing(self.server.client()) as c:
            servers.check(c.select(mailbox))
            for command in commands:
                command(c)

    def expunge(self, uids):
        self.other_client(
            lambda c: servers.check(c.uid('STORE', uids, '+FLAGS',
                                          '(\\Deleted)')),
            lambda c: servers.check(c.expunge()))


class Refused(Base):
    def again_and_again(self, command, subject):
        """Refused for now, five times; other mail is done meanwhile."""
        self.fill(subject, 'star', 'plain')
        if command == 'UID STORE':
            self.server.restore()
            self.fill(subject, 'plain', 'plain')
        for n in range(1, TRIES + 1):
            self.proxy.arm(Fault('no', command=command, times=99))
            last = n == TRIES
            r = self.run_counts(3 if last else 0, failed=int(last),
                                pending=int(not last))
            m, = [o for o in r.json() if o['type'] == 'message' and
                  o['message_id'] == '1@example.org']
            self.assertIn('not now', m['changes'][0]['reason'])
            self.assertEqual('pending' in m, not last)
            self.assertEqual(self.query('SELECT uid, tries FROM pending'),
                             [] if last else [(1, n)])
            if command != 'UID STORE':
                self.assertEqual(self.places(self.server)[2],
                                 [('INBOX', STAR)])
            self.fill('plain', first=10 + n)
        # reported, and left alone from now on
        self.proxy.arm()
        before = self.server.dump_all('alice')
        self.run_counts(failed=0, pending=0)
        self.assertEqual(self.server.dump_all('alice'), before)
        if command != 'CREATE':		# nothing was sent of the message
            self.assertIn('failed',
                          self.expect(0, 'why', '1@example.org').out)
        self.expect(0, 'run', '--all')	# but when it is asked for
        self.assertNotEqual(self.server.dump_all('alice'), before)

    def test_move(self):
        self.again_and_again(
            'UID COPY' if self.capability else 'UID MOVE', 'go')

    def test_copy(self):
        self.again_and_again('UID COPY', 'keep')

    def test_star(self):
        self.again_and_again('UID STORE', 'star')

    def test_label(self):
        self.again_and_again('UID STORE', 'label')

    def test_create(self):
        """The mailbox that one of them wants cannot be made now."""
        self.t.rules(RULES.replace('move: Gone', 'move: New/box'))
        self.again_and_again('CREATE', 'go')

    def test_it_is_told_at_both_ends(self):
        """Not in each run: cron would send a mail for each."""
        self.fill('star')
        said = []
        for n in range(1, TRIES + 2):
            self.proxy.arm(Fault('no', command='UID STORE', times=99))
            r = self.expect(3 if n == TRIES else 0, '-q', 'run')
            self.assertEqual(r.err, '')
            said.append(r.out.count('not now'))
        self.assertEqual(said, [1, 0, 0, 0, 1, 0])

    def test_it_passes(self):
        self.fill('go', 'keep', 'star')
        for command in ('UID MOVE', 'UID COPY', 'UID STORE'):
            self.proxy.arm(Fault('no', command=command, times=99))
            self.expect(0, 'run')
        self.proxy.arm()
        self.run_counts(failed=0, pending=0)
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server), {
            1: [('Gone', frozenset())],
            2: [('INBOX', frozenset()), ('Kept', frozenset())],
            3: [('INBOX', STAR)]})
        self.assertEqual(self.query('SELECT * FROM pending'), [])

    def test_what_was_done_of_it_is_not_done_again(self):
        """Of a copy and a flag the flag is refused."""
        self.t.rules('''
rules:
  - {name: both, when: {subject: both},
     then: [{copy: Kept}, {mark: starred}]}
''')
        self.fill('both')
        for _ in range(3):
            self.proxy.arm(Fault('no', command='UID STORE', times=99))
            self.run_counts(pending=1)
        self.proxy.arm()
        self.run_counts(pending=0)
        self.assertEqual(self.boxes_of(self.server), {1: ['INBOX', 'Kept']})
        self.assertIn(('INBOX', STAR), self.places(self.server)[1])

    def test_judged_afresh(self):
        """By what the message is like then, and what the rules are."""
        self.fill('go', 'star')
        self.proxy.arm(Fault('no', command='UID STORE', times=99),
                       Fault('no', command='UID MOVE', times=99),
                       Fault('no', command='UID COPY', times=99))
        self.run_counts(pending=2)
        self.proxy.arm()
        self.t.rules('rules: [{name: other, when: {subject: go}, '
                     'then: [{mark: read}]}]')
        self.run_counts(pending=0, judged=2)
        self.assertEqual(self.places(self.server), {
            1: [('INBOX', frozenset(['\\Seen']))],
            2: [('INBOX', frozenset())]})

    def test_gone_while_pending(self):
        self.fill('go', 'plain')
        self.proxy.arm(Fault('no', command='UID MOVE', times=99),
                       Fault('no', command='UID COPY', times=99))
        self.run_counts(pending=1)
        self.proxy.arm()
        self.expunge('1')
        self.run_counts(pending=0, failed=0)
        self.assertEqual(self.query('SELECT * FROM pending'), [])

    def test_for_good(self):
        """A NO that says nothing of passing: reported, once."""
        self.t.rules('rules: [{name: go, when: {subject: go}, '
                     'then: [{move: Gone/%s}]}]' % ('x' * 300))
        self.fill('go', 'plain')
        r = self.run_counts(3, failed=1, pending=0)
        self.assertIn('xxx', r.out)
        self.run_counts(0, judged=0)

    def test_quota(self):
        self.server.append('bob', 'INBOX', message(1, body='x' * 8000))
        self.server.create('bob', 'Kept')
        self.configure(b=dict(self.account, user='bob'))
        self.expect(0, 'run')
        self.server.append('bob', 'INBOX', message(
            2, subject='keep', body='x' * 8000))
        r = self.t.run('run')
        self.sane(r)
        self.assertIn('quota', (r.out + r.err).lower())
        found = self.places(self.server, 'bob')
        self.assertEqual(found[2], [('INBOX', frozenset())])
        # there is room again
        with servers.closing(self.server.client('bob')) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.store('1', '+FLAGS', '(\\Deleted)'))
            servers.check(c.expunge())
        self.assertEqual(r.status, 0, r)
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.server, 'bob'),
                         {2: ['INBOX', 'Kept']})


class RefusedWithoutMove(Refused):
    capability = servers.BARE + ' UIDPLUS SPECIAL-USE'


class Limits(Base):
    def test_a_message_over_the_limit(self):
        self.configure(top={'limits': {'message': '4K'}}, a=self.account)
        self.fill('star', body='amount due\r\n')
        self.fill('star', body='amount due\r\n' + 'x' * 20000, first=2)
        octets = self.proxy.to_client
        r = self.run_counts(0, unknown=1, failed=0, pending=0)
        self.assertLess(self.proxy.to_client - octets, 20000)
        large, = [o for o in r.json() if o['type'] == 'message' and
                  o['message_id'] == '2@example.org']
        note, = large['unknown']
        self.assertEqual(note['rule'], 'due')
        self.assertIn('limits.message', note['reason'])
        self.assertEqual(self.places(self.server), {
            1: [('INBOX', STAR | {'\\Seen'})], 2: [('INBOX', STAR)]})
        self.run_counts(judged=0)

    def test_text_over_the_limit(self):
        self.configure(top={'limits': {'body': '1K'}}, a=self.account)
        self.fill('plain', body='x' * 5000 + ' amount due\r\n')
        self.run_counts(0, unknown=1, pending=0)
        self.run_counts(judged=0)


class Underway(Base):
    """Other clients are at work in the same mailbox."""

    def during(self, command, action, **more):
        """ACTION comes between us and a command of ours."""
        def act():
            action()
            return faultproxy.PASS
        self.proxy.arm(Fault(act, command=command, **more))

    def test_expunged_before_the_change(self):
        for command, subject in (('UID STORE', 'star'), ('UID MOVE', 'go'),
                                 ('UID COPY', 'keep')):
            if self.capability and command == 'UID MOVE':
                continue
            with self.subTest(command):
                self.server.restore()
                self.alter('UPDATE mailbox SET next_uid = 1')
                self.fill(subject, subject, 'plain')
                self.during(command, lambda: self.expunge('1'))
                r = self.t.run('run')
                self.assertIn(r.status, (0, 3), r)
                self.assertEqual(self.proxy.fired, 1)
                # the server may refuse the others for it, once
                for _ in range(2):
                    self.expect(0, 'run')
                    left = self.places(self.server)
                    self.assertNotIn(1, left)
                    self.assertEqual(left[2], {
                        'star': [('INBOX', STAR)],
                        'go': [('Gone', frozenset())],
                        'keep': [('INBOX', frozenset()),
                                 ('Kept', frozenset())]}[subject])

    def test_all_expunged_before_the_change(self):
        for command, subject in (('UID STORE', 'star'), ('UID MOVE', 'go'),
                                 ('UID COPY', 'keep')):
            if self.capability and command == 'UID MOVE':
                continue
            with self.subTest(command):
                self.server.restore()
                self.alter('UPDATE mailbox SET next_uid = 1')
                self.fill(subject)
                self.during(command, lambda: self.expunge('1'))
                r = self.t.run('run')
                self.assertIn(r.status, (0, 3), r)
                self.assertEqual(self.boxes_of(self.server), {})
                self.expect(0, 'run')
                self.assertEqual(self.query('SELECT * FROM pending'), [])

    def test_expunged_before_its_header_came(self):
        self.fill('star', 'star')
        self.during('UID FETCH', lambda: self.expunge('1'))
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server), {2: [('INBOX', STAR)]})
        self.expect(0, 'run')

    def test_expunged_before_its_body_came(self):
        for n in (1, 2):
            self.server.restore()
            self.alter('UPDATE mailbox SET next_uid = 1')
            self.fill('star', 'star', body='the amount due\r\n')
            self.during('UID FETCH', lambda: self.expunge('1'), nth=n)
            r = self.t.run('run')
            self.sane(r)
            self.assertEqual(r.status, 0, r)
            self.assertEqual(self.proxy.fired, 1)
            self.expect(0, 'run')
            self.assertEqual(self.places(self.server), {
                2: [('INBOX', STAR | {'\\Seen'})]})

    def test_new_mail_while_we_look(self):
        """Not missed: by the next run at the latest."""
        for command in ('UID FETCH', 'UID STORE'):
            self.server.restore()
            self.alter('UPDATE mailbox SET next_uid = 1')
            self.fill('star')
            self.during(command, lambda: self.fill('star', first=2))
            self.expect(0, 'run')
            self.expect(0, 'run')
            self.assertEqual(self.places(self.server), {
                1: [('INBOX', STAR)], 2: [('INBOX', STAR)]})

    def test_marked_deleted_by_another(self):
        self.fill('go', 'star')
        self.other_client(lambda c: c.store('1', '+FLAGS', '(\\Deleted)'))
        self.expect(0, 'run')
        self.assertEqual(self.places(self.server), {
            1: [('INBOX', frozenset(['\\Deleted']))],
            2: [('INBOX', STAR)]})

    def test_the_target_goes_away(self):
        """Deleted between our look at the list and the move."""
        for command in ('UID MOVE', 'UID COPY'):
            if self.capability and command == 'UID MOVE':
                continue
            self.server.restore()
            self.alter('UPDATE mailbox SET next_uid = 1')
            subject = 'go' if not self.capability and \
                command == 'UID MOVE' else 'keep'
            self.fill(subject)
            box = 'Gone' if subject == 'go' else 'Kept'
            self.during(command, lambda: self.delete(box))
            r = self.t.run('run')
            self.sane(r)
            self.assertIn(r.status, (0, 3), r)
            self.assertIn('INBOX', self.boxes_of(self.server)[1])
            self.expect(0, 'run')
            self.assertIn(box, self.boxes_of(self.server)[1])

    def delete(self, mailbox):
        with servers.closing(self.server.client()) as c:
            servers.check(c.delete(mailbox))


class Vanished(Base):
    """A mailbox that is not there any more."""

    def setUp(self):
        super().setUp()
        self.account['mailboxes'] = ['Work', 'INBOX']
        self.configure(a=self.account)
        self.expect(0, 'run')

    def recreate(self, *commands):
        with servers.closing(self.server.client()) as c:
            servers.check(c.delete('Work'))
            if 'create' in commands:
                servers.check(c.create('Work'))

    def test_deleted_between_runs(self):
        self.fill('star', mailbox='Work')
        self.expect(0, 'run')
        self.recreate()
        self.fill('star', first=2)
        r = self.expect(3, 'run')
        self.assertIn('Work', r.err)
        self.assertEqual(self.places(self.server), {2: [('INBOX', STAR)]})

    def test_made_anew_between_runs(self):
        """With UIDs from 1 again: what is new there is judged."""
        self.fill('star', 'plain', 'star', mailbox='Work')
        self.expect(0, 'run')
        self.recreate('create')
        self.fill('star', first=10, mailbox='Work')
        r = self.expect(0, 'run')
        self.assertIn('UIDVALIDITY', r.err)
        self.assertEqual(self.places(self.server)[10], [('Work', STAR)])
        r = self.expect(0, 'run')
        self.assertEqual(r.err, '')

    def test_deleted_with_pending_mail(self):
        self.fill('keep', mailbox='Work')
        self.proxy.arm(Fault('no', command='UID COPY', times=99))
        self.run_counts(pending=1)
        self.proxy.arm()
        self.recreate()
        self.expect(3, 'run')
        self.server.create('alice', 'Work')
        self.fill('star', first=2, mailbox='Work')
        self.expect(0, 'run')
        self.run_counts(pending=0, failed=0)
        self.assertEqual(self.query('SELECT * FROM pending'), [])
        self.assertEqual(self.places(self.server)[2], [('Work', STAR)])


del Base


if __name__ == '__main__':
    tap.main()
