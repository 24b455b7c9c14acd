#!/usr/bin/env python3
"""What a killed run leaves, and what recover and the next run make of it."""
# timeout: 300

import queue
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
  - {name: dull, when: {subject: dull}, then: [{unmark: starred}]}
  - {name: label, when: {subject: label}, then: [{label: work}]}
  - {name: away, when: {subject: away}, then: [delete]}
'''

STAR = frozenset(['\\Flagged'])
NO_MOVE = servers.BARE + ' UIDPLUS SPECIAL-USE'
LATE = 300	# limits.late, by default


class Base(runs.Case):
    capability = None

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot(capability=cls.capability)
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        cls.server.create('alice', 'Gone', 'Kept')
        cls.server.save()

    def setUp(self):
        super().setUp()
        self.server.restore()
        self.t.rules(RULES)
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.configure(a=dict(self.t.account(self.proxy),
                              allow_delete=True))
        self.expect(0, 'run')

    def fill(self, *subjects, first=1, flags=''):
        self.server.append('alice', 'INBOX', [
            message(n, subject=s) for n, s in enumerate(subjects, first)],
            flags=flags)

    def kill(self, **place):
        """A run that dies before a command, or behind it."""
        running = queue.Queue()	# the program may be there before we are
        self.proxy.arm(Fault(lambda: running.get().kill(), **place))
        began = self.t.start('run')
        running.put(began)
        out, err = began.communicate(timeout=60)
        self.assertEqual(began.returncode, -9, (out, err))
        self.assertEqual(self.proxy.fired, 1)
        self.proxy.arm()
        self.server.settle()

    def states(self):
        """{state: changes}, newest word on each."""
        r = self.t.run('--json', 'log')
        self.assertEqual(r.status, 0, r)
        found = {}
        for o in r.json():
            if o['type'] == 'change':
                found.setdefault(o['state'], []).append(
                    int(o['message_id'].split('@')[0]))
        return found

    def age(self, seconds=LATE):
        """As if the run had been that long ago."""
        self.alter('UPDATE change SET time = time - ?', seconds)

    def recover(self, status, done=0, afresh=0, unsure=0, waiting=0):
        """recover: first dry, then for good, then there is nothing left (but what
        is waited for)."""
        words = ('a: %d changes looked at: %d done, %d to be judged afresh, '
                 '%d unsure, %d waited for' % (
                     done + afresh + unsure + waiting, done, afresh, unsure,
                     waiting))
        dry = 3 if unsure else 75 if waiting else 1
        server = self.server.dump_all('alice')
        state = tamis.snapshot(self.t.state_dir)
        r = self.expect(dry, 'recover', '--dry-run')
        self.assertIn(words, r.out)
        self.assertEqual(self.server.dump_all('alice'), server)
        self.assertEqual(tamis.snapshot(self.t.state_dir), state)
        r = self.expect(status, 'recover')
        self.assertIn(words, r.out)
        server = self.server.dump_all('alice')
        r = self.expect(75 if waiting else 0, 'recover')
        self.assertIn('a: %d changes looked at' % waiting, r.out)
        self.assertEqual(self.server.dump_all('alice'), server)

    def ends(self, *args, **boxes):
        """After a run, and another one, mail is there and nowhere else."""
        for _ in range(2):
            self.expect(0, 'run', *args)
            self.assertEqual(
                {n: sorted(w) for n, w in self.boxes_of(self.server).items()
                 if w},
                {int(n[1:]): sorted(w) for n, w in boxes.items()})

    def test_nothing_is_left(self):
        r = self.expect(0, 'recover')
        self.assertIn('0 changes', r.out)
        self.expect(0, 'recover', '--dry-run')
        self.fill('go')
        self.expect(0, 'run')
        self.expect(0, 'recover')


class Everywhere(Base):
    """What does not hang on MOVE."""

    def test_copy_landed(self):
        self.fill('keep', 'plain')
        self.kill(reply='UID COPY')
        self.assertEqual(self.states(), {'intended': [1]})
        self.recover(0, done=1)
        self.assertEqual(self.states(), {'done': [1]})
        self.ends(m1=['INBOX', 'Kept'], m2=['INBOX'])

    def test_copy_landed_and_run_finds_it(self):
        self.fill('keep')
        self.kill(reply='UID COPY')
        self.ends(m1=['INBOX', 'Kept'])

    def test_copy_not_landed(self):
        self.fill('keep')
        self.kill(command='UID COPY')
        self.recover(75, waiting=1)
        self.ends(m1=['INBOX'])		# it rests
        self.age()
        self.recover(0, afresh=1)
        self.ends(m1=['INBOX', 'Kept'])

    def test_copy_lands_late(self):
        self.fill('keep')
        self.kill(command='UID COPY')
        self.ends(m1=['INBOX'])
        self.copy('1', 'Kept')		# the server comes to it
        self.ends(m1=['INBOX', 'Kept'])
        self.assertEqual(self.states(), {'done': [1]})

    def copy(self, uids, mailbox, expunge=False):
        with servers.closing(self.server.client()) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('COPY', uids, mailbox))
            if expunge:
                servers.check(c.uid('STORE', uids, '+FLAGS',
                                    '(\\Deleted)'))
                servers.check(c.expunge())

    def test_some_of_a_copy(self):
        """A copy of many that another client has done for one of them."""
        self.fill('keep', 'keep', 'keep')
        self.kill(command='UID COPY')
        self.copy('2', 'Kept')
        self.recover(75, done=1, waiting=2)
        self.age()
        self.ends(m1=['INBOX', 'Kept'], m2=['INBOX', 'Kept'],
                  m3=['INBOX', 'Kept'])

    def test_some_of_many(self):
        """So many that the target is listed, not searched; two of them are
        the same message, and one of these has landed."""
        self.fill(*['keep'] * 20)
        self.fill('keep', first=20)
        self.kill(command='UID COPY')
        self.copy('1:10,20', 'Kept')
        self.recover(75, done=11, waiting=10)
        self.age()
        self.recover(0, afresh=10)
        self.expect(0, 'run')
        self.expect(0, 'run')
        self.assertEqual(ids(self.server.dump('alice', 'Kept')),
                         list(range(1, 21)) + [20])

    def test_one_rests_and_the_others_do_not(self):
        self.fill('keep')
        self.kill(command='UID COPY')
        self.fill('go', 'star', 'plain', first=2)
        r = self.expect(0, '--json', 'run')
        run, = [o for o in r.json() if o['type'] == 'run']
        self.assertEqual(run['pending'], 1, r)
        self.ends(m1=['INBOX'], m2=['Gone'], m3=['INBOX'], m4=['INBOX'])
        self.assertEqual(self.query('SELECT uid, tries FROM pending'),
                         [(1, 0)])
        self.age()
        self.ends(m1=['INBOX', 'Kept'], m2=['Gone'], m3=['INBOX'],
                  m4=['INBOX'])
        self.assertEqual(self.query('SELECT * FROM pending'), [])

    def test_resting_does_not_use_up_its_tries(self):
        self.fill('keep')
        self.kill(command='UID COPY')
        for _ in range(7):
            self.expect(0, 'run')
        self.age()
        self.ends(m1=['INBOX', 'Kept'])

    def test_late_is_short(self):
        self.configure(top={'limits': {'late': '1s'}}, a=dict(
            self.t.account(self.proxy), allow_delete=True))
        self.fill('keep')
        self.kill(command='UID COPY')
        self.age(1)
        self.ends(m1=['INBOX', 'Kept'])

    def test_flags(self):
        for place, counts in (
                ({'command': 'UID STORE'}, {'afresh': 3}),
                ({'reply': 'UID STORE', 'nth': 1}, {'done': 1,
                                                    'afresh': 2})):
            with self.subTest(place):
                self.server.restore()
                self.alter('DELETE FROM change')
                self.alter('UPDATE mailbox SET next_uid = 1')
                self.fill('star', 'label')
                self.fill('dull', first=3, flags='\\Flagged')
                self.kill(**place)
                self.states()
                before = len(self.query('SELECT * FROM change'))
                self.assertEqual(before, 3)
                r = self.expect(1, 'recover', '--dry-run')
                # they go out together: the server may have come to more
                # of them than were answered
                self.assertRegex(r.out, r'3 changes looked at: \d done, '
                                 r'\d to be judged afresh, 0 unsure, 0')
                self.expect(0, 'recover')
                self.expect(0, 'recover')
                self.expect(0, 'run')
                places = self.places(self.server)
                self.assertEqual(places, {
                    1: [('INBOX', STAR)],
                    2: [('INBOX', frozenset(['work']))],
                    3: [('INBOX', frozenset())]})

    def test_flags_that_the_user_changed_meanwhile(self):
        """Judged afresh, and not replayed."""
        self.fill('star')
        self.kill(reply='UID STORE')
        with servers.closing(self.server.client()) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('STORE', '1', '-FLAGS', '(\\Flagged)'))
        self.recover(0, afresh=1)
        self.assertEqual(self.places(self.server)[1],
                         [('INBOX', frozenset())])

    def test_the_message_has_gone(self):
        self.fill('keep', 'star')
        self.kill(command='UID COPY')
        with servers.closing(self.server.client()) as c:
            servers.check(c.select('INBOX'))
            servers.check(c.uid('STORE', '1:2', '+FLAGS', '(\\Deleted)'))
            servers.check(c.expunge())
        self.recover(3, unsure=1, waiting=1)	# the star; the copy
        self.age()
        self.recover(0, afresh=1)
        self.ends()

    def test_uidvalidity_changed(self):
        self.fill('keep', 'star')
        self.kill(command='UID COPY')
        self.alter("UPDATE change SET uidvalidity = 4711")
        # the copy can be looked for all the same
        self.recover(3, unsure=len(self.states()['intended']) - 1,
                     waiting=1)
        r = self.expect(0, 'log')
        self.assertIn('UIDVALIDITY', r.out)

    def test_the_target_has_gone(self):
        self.fill('keep')
        self.kill(command='UID COPY')
        with servers.closing(self.server.client()) as c:
            servers.check(c.delete('Kept'))
        self.age()
        self.recover(0, afresh=1)
        self.ends(m1=['INBOX', 'Kept'])

    def test_offline(self):
        """Nothing is settled that was not looked at."""
        self.fill('keep', 'go')
        self.kill(command='UID COPY')
        state = self.query('SELECT * FROM change')
        self.proxy.arm(Fault('cut', command='LOGIN', times=9),
                       Fault('cut', command='AUTHENTICATE', times=9))
        self.expect(75, 'recover')
        self.assertEqual(self.query('SELECT * FROM change'), state)
        for command in ('EXAMINE', 'UID FETCH', 'UID SEARCH', 'SELECT'):
            self.proxy.arm(Fault('cut', command=command))
            self.t.run('recover')
            self.proxy.arm(Fault('no', command=command))
            self.t.run('recover')
        self.proxy.arm()
        self.assertEqual(
            [row for row in self.query('SELECT state FROM change')
             if row == (0,)][:1], [(0,)])
        self.age()
        self.ends(m1=['INBOX', 'Kept'], m2=['Gone'])

    def test_delete(self):
        for place in ({'command': 'UID STORE'}, {'reply': 'UID STORE'},
                      {'command': 'UID EXPUNGE'}, {'reply': 'UID EXPUNGE'}):
            with self.subTest(place):
                self.server.restore()
                self.alter('DELETE FROM change')
                self.alter('DELETE FROM pending')
                self.alter('UPDATE mailbox SET next_uid = 1')
                self.fill('away', 'plain')
                self.kill(**place)
                r = self.expect(1, 'recover', '--dry-run')
                self.assertIn('1 changes looked at', r.out)
                self.expect(0, 'recover')
                self.ends(m2=['INBOX'])
                self.assertEqual(ids(self.server.dump('alice')), [2])


class WithMove(Everywhere):
    def test_move(self):
        for place, done in (({'command': 'UID MOVE'}, False),
                            ({'reply': 'UID MOVE'}, True)):
            with self.subTest(place):
                self.server.restore()
                self.alter('DELETE FROM change')
                self.alter('UPDATE mailbox SET next_uid = 1')
                self.fill('go', 'plain', 'go')
                self.kill(**place)
                if done:
                    self.recover(0, done=2)
                else:
                    self.recover(0, afresh=2)
                self.ends(m1=['Gone'], m2=['INBOX'], m3=['Gone'])


class WithoutMove(Everywhere):
    capability = NO_MOVE

    def test_copy_of_a_move_landed(self):
        for place in ({'reply': 'UID COPY'}, {'command': 'UID STORE'}):
            with self.subTest(place):
                self.again()
                self.fill('go', 'plain')
                self.kill(**place)
                self.assertEqual(self.boxes_of(self.server),
                                 {1: ['Gone', 'INBOX'], 2: ['INBOX']})
                self.recover(0, done=1)
                self.assertEqual(self.boxes_of(self.server),
                                 {1: ['Gone'], 2: ['INBOX']})
                self.ends(m1=['Gone'], m2=['INBOX'])

    def again(self):
        self.server.restore()
        self.alter('DELETE FROM change')
        self.alter('DELETE FROM pending')
        self.alter('UPDATE mailbox SET next_uid = 1')

    def test_run_finishes_a_move(self):
        for place in ({'reply': 'UID COPY'}, {'command': 'UID STORE'},
                      {'reply': 'UID STORE'}, {'command': 'UID EXPUNGE'},
                      {'reply': 'UID EXPUNGE'}):
            with self.subTest(place):
                self.again()
                self.fill('go', 'plain', 'go')
                self.kill(**place)
                self.ends(m1=['Gone'], m2=['INBOX'], m3=['Gone'])
                self.assertEqual(ids(self.server.dump('alice')), [2])
                self.assertEqual(set(self.states()), {'done'})

    def test_copy_of_a_move_not_landed(self):
        self.fill('go')
        self.kill(command='UID COPY')
        self.recover(75, waiting=1)
        self.ends(m1=['INBOX'])
        self.age()
        self.recover(0, afresh=1)
        self.ends(m1=['Gone'])

    def test_copy_of_a_move_lands_late(self):
        self.fill('go', 'go')
        self.kill(command='UID COPY')
        self.ends(m1=['INBOX'], m2=['INBOX'])
        self.copy('1:2', 'Gone')
        self.ends(m1=['Gone'], m2=['Gone'])

    def test_many_moves(self):
        self.fill(*['go'] * 40)
        self.kill(reply='UID COPY')
        self.recover(0, done=40)
        self.assertEqual(ids(self.server.dump('alice', 'Gone')),
                         list(range(1, 41)))
        self.ends(**{'m%d' % n: ['Gone'] for n in range(1, 41)})

    def test_somebody_moved_it_meanwhile(self):
        self.fill('go')
        self.kill(command='UID COPY')
        self.copy('1', 'Kept', expunge=True)
        self.recover(3, unsure=1)
        self.ends(m1=['Kept'])

    def test_a_twin_in_the_target_is_not_taken_for_the_copy(self):
        """The same message, put there before."""
        self.server.append('alice', 'Gone', message(1, subject='go'))
        self.fill('go')
        self.kill(command='UID COPY')
        self.recover(75, waiting=1)
        self.age()
        self.ends(m1=['Gone', 'Gone'])

    def test_killed_while_finishing(self):
        for place in ({'command': 'UID STORE'}, {'reply': 'UID STORE'},
                      {'command': 'UID EXPUNGE'}, {'reply': 'UID EXPUNGE'}):
            with self.subTest(place):
                self.again()
                self.fill('go')
                self.kill(reply='UID COPY')
                self.kill(**place)
                self.ends(m1=['Gone'])


class WithoutUidplus(WithoutMove):
    """What has gone is marked, and no more."""
    capability = servers.BARE

    def test_delete(self):
        self.fill('away', 'plain')
        self.kill(command='UID STORE')
        self.recover(0, afresh=1)
        self.ends(m2=['INBOX'])

    def test_run_finishes_a_move(self):
        for place in ({'reply': 'UID COPY'}, {'command': 'UID STORE'},
                      {'reply': 'UID STORE'}):
            with self.subTest(place):
                self.again()
                self.fill('go', 'plain', 'go')
                self.kill(**place)
                self.ends(m1=['Gone'], m2=['INBOX'], m3=['Gone'])

    def test_killed_while_finishing(self):
        for place in ({'command': 'UID STORE'}, {'reply': 'UID STORE'}):
            with self.subTest(place):
                self.again()
                self.fill('go')
                self.kill(reply='UID COPY')
                self.kill(**place)
                self.ends(m1=['Gone'])


del Base, Everywhere


if __name__ == '__main__':
    tap.main()
