#!/usr/bin/env python3
"""every: a sweep rests after a run that was through with it, and only then."""

import unittest

import faultproxy
import runs
import servers
import tamis
import tap
from faultproxy import Fault
from mailmaker import message

RULES = '''
rules:
  - name: tidy
    applies_to: all
    every: 1h
    in: [INBOX, Lists, %s]
    when: {subject: old}
    then: [{move: Gone}]
  - name: star
    applies_to: all
    every: 1d
    account: b
    then: [{mark: starred}]
'''


class Every(runs.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        for user in ('alice', 'bob'):
            cls.server.create(user, 'Gone', 'Lists')
        cls.server.save()

    def setUp(self):
        super().setUp()
        self.server.restore()
        self.t.rules(RULES % 'Lists')
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.configure(a=self.t.account(self.proxy),
                       b=self.t.account(self.server, user='bob'))
        self.n = 0

    def fill(self, mailbox, user='alice', subject='old'):
        self.n += 1
        self.server.append(user, mailbox, [message(self.n, subject=subject)])
        return self.n

    def gone(self, user='alice'):
        return sorted(n for n, [(box, _)] in self.places(
            self.server, user).items() if box == 'Gone')

    def stamps(self, account):
        return dict(self.query('SELECT name, time FROM rule',
                               account=account))

    def test_both_mailboxes_then_it_rests(self):
        one, two = self.fill('INBOX'), self.fill('Lists')
        self.expect(0, 'run')
        self.assertEqual(self.gone(), [one, two])
        self.fill('INBOX'), self.fill('Lists')
        self.expect(0, 'run')			# new mail waits, too
        self.assertEqual(self.gone(), [one, two])

    def test_each_account_for_itself(self):
        self.fill('INBOX'), self.fill('INBOX', user='bob')
        self.expect(0, 'run', '-a', 'a')
        self.assertEqual(set(self.stamps('a')), {'tidy'})
        self.assertEqual(self.gone('bob'), [])
        self.expect(0, 'run')
        self.assertEqual(set(self.stamps('b')), {'tidy', 'star'})
        self.assertEqual(len(self.gone('bob')), 1)

    def test_a_dry_run_does_not_move_it(self):
        one = self.fill('Lists')
        for _ in range(2):
            self.assertIn('Gone', self.expect(1, 'run', '-n').out)
        self.expect(0, 'run')
        self.assertEqual(self.gone(), [one])
        before = self.stamps('a')
        self.fill('Lists')
        self.expect(0, 'run', '-n')		# it rests there, too
        self.assertEqual(self.stamps('a'), before)

    def unsettled(self, status, fault):
        """A run that was not through with it; the next one is."""
        one, two = self.fill('INBOX'), self.fill('Lists')
        self.proxy.arm(*fault)
        self.expect(status, 'run', '-a', 'a')
        self.assertEqual(self.stamps('a'), {})
        self.proxy.arm()
        self.expect(0, 'run', '-a', 'a')
        self.assertEqual(self.gone(), [one, two])
        self.assertEqual(set(self.stamps('a')), {'tidy'})

    def test_a_lost_connection(self):
        self.unsettled(tamis.LATER, [Fault('close', command='UID MOVE',
                                           nth=2)])

    def test_a_mailbox_that_cannot_be_opened(self):
        self.unsettled(tamis.LATER, [Fault('no', command='SELECT', nth=2,
                                           times=99)])

    def test_a_change_that_is_refused_for_now(self):
        self.unsettled(3, [Fault('no', command='UID MOVE', nth=2,
                                 times=99)])

    def test_a_mailbox_that_is_not_there(self):
        """There is nothing to sweep, so nothing is missed."""
        self.t.rules(RULES % 'Nowhere')
        one = self.fill('INBOX')
        self.expect(0, 'run', '-a', 'a')
        self.assertEqual(self.gone(), [one])
        self.assertEqual(set(self.stamps('a')), {'tidy'})

    def test_a_mailbox_of_the_account_that_is_not_there(self):
        """It was to be swept, and was not."""
        self.t.rules("rules: [{name: star, applies_to: all, every: 1d, "
                     "then: [{mark: starred}]}]")
        self.configure(a=self.t.account(self.proxy,
                                        mailboxes=['Later', 'INBOX']))
        one = self.fill('INBOX')
        self.expect(3, 'run')
        self.assertEqual(self.places(self.server)[one],
                         [('INBOX', frozenset(['\\Flagged']))])
        self.assertEqual(self.stamps('a'), {})
        self.server.create('alice', 'Later')
        self.expect(0, 'run')
        self.assertEqual(set(self.stamps('a')), {'star'})

    def test_a_run_over_some_mailboxes(self):
        self.fill('INBOX'), self.fill('Lists')
        self.expect(0, 'run', '-a', 'a', '--mailbox', 'Lists')
        self.assertEqual(self.stamps('a'), {})

    def test_when_it_has_passed(self):
        one = self.fill('Lists')
        self.expect(0, 'run')
        two = self.fill('Lists')
        self.alter("UPDATE rule SET time = time - 3500",
                     account='a')
        self.expect(0, 'run')
        self.assertEqual(self.gone(), [one])
        self.alter("UPDATE rule SET time = time - 100",
                     account='a')
        self.expect(0, 'run')
        self.assertEqual(self.gone(), [one, two])


if __name__ == '__main__':
    tap.main()
