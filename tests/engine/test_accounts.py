#!/usr/bin/env python3
"""Several accounts in one run: one in trouble does not stop the others."""
# timeout: 240

import os
import time
import unittest

import faultproxy
import maildir
import runs
import servers
import tamis
import tap
from mailmaker import message

RULES = '''
rules:
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
  - {name: go, when: {subject: go}, then: [{move: Gone}]}
'''
STAR = frozenset(['\\Flagged'])


class Accounts(runs.Case):
    @classmethod
    def setUpClass(cls):
        cls.dovecot, cls.cyrus = servers.Dovecot(), servers.Cyrus()
        for s in (cls.dovecot, cls.cyrus):
            s.start()
            cls.addClassCleanup(s.close)

    def setUp(self):
        super().setUp()
        self.t.rules(RULES)
        self.box = self.t.home + '/Mail'
        maildir.make(self.box)
        # a mailbox of each test's own: the servers are shared
        self.mailbox = 'T' + os.urandom(4).hex()
        for s in (self.dovecot, self.cyrus):
            s.create('alice', self.mailbox)

    def imap(self, server, **more):
        return self.t.account(server, mailboxes=[self.mailbox], **more)

    def good(self):
        return {'one': self.imap(self.dovecot),
                'two': self.imap(self.cyrus),
                'three': {'maildir': self.box}}

    def fill(self, first=1):
        mail = [message(first, subject='star'), message(first + 1)]
        for s in (self.dovecot, self.cyrus):
            s.append('alice', self.mailbox, mail)
        maildir.deliver(self.box, mail, first)

    def assert_done(self, n=1, where=('one', 'two', 'three')):
        """Message N is starred where it was to be, and nowhere else."""
        for name, flags in (
                ('one', self.flags_at(self.dovecot, n)),
                ('two', self.flags_at(self.cyrus, n)),
                ('three', dict(self.places(self.box)[n]).get('INBOX'))):
            self.assertEqual(flags, STAR if name in where else frozenset(),
                             name)

    def flags_at(self, s, n):
        found, = [m.flags for m in s.dump('alice', self.mailbox)
                  if m.message_id == '%d@example.org' % n]
        return found

    def runs_of(self, r):
        return {o['account']: o for o in r.json() if o['type'] == 'run'}

    def try_with(self, status, said='', **bad):
        """The good accounts and a bad one in the midst of them."""
        good = self.good()
        order = {'one': good['one']}
        order.update(bad)
        order.update(two=good['two'], three=good['three'])
        self.configure(**order)
        self.fill()
        began = time.monotonic()
        r = self.expect(status, '--json', '-v', 'run', '--all')
        self.took = time.monotonic() - began
        self.assertEqual([o['account'] for o in r.json()
                          if o['type'] == 'run'], list(order))
        name, = bad
        for account, run in self.runs_of(r).items():
            if account != name:
                self.assertEqual(run['exit'], 0, r)
                self.assertNotIn('error', run)
        self.assertEqual(self.runs_of(r)[name]['exit'], status, r)
        self.assertIn(said, self.runs_of(r)[name]['error'], r)
        self.assertIn('tamis: %s: ' % name, r.err)
        self.assert_done()
        return r

    # ------------------------------------------------------ all is well

    def test_side_by_side(self):
        self.configure(**self.good())
        self.fill()
        r = self.expect(0, 'run')
        for name in ('one', 'two', 'three'):
            self.assertIn(name, r.out)
        self.fill(11)
        r = self.expect(0, 'run')
        # together, and in the order of the config
        accounts = [line.split(':')[0] for line in r.out.splitlines()
                    if line.split(':')[0] in self.good()]
        self.assertEqual(accounts, sorted(
            accounts, key=['one', 'two', 'three'].index))
        self.assert_done(11)
        self.assert_done(1, where=())
        self.expect(0, 'run')

    def test_choosing(self):
        self.configure(**self.good())
        self.fill()
        r = self.expect(0, '--json', 'run', '--all', '-a', 'three', '-a',
                        'one')
        self.assertEqual(list(self.runs_of(r)), ['one', 'three'])
        self.assert_done(where=('one', 'three'))
        r = self.expect(tamis.USAGE, 'run', '-a', 'on')
        self.assertIn('one', r.err)	# did you mean

    def test_dry_run(self):
        self.configure(**self.good())
        self.fill()
        r = self.expect(1, '--json', 'run', '--all', '--dry-run')
        self.assertEqual([x['exit'] for x in self.runs_of(r).values()],
                         [1, 1, 1])
        self.assert_done(where=())
        self.assertFalse(os.path.exists(self.t.state_dir))

    # ----------------------------------------------------- one is not

    def test_wrong_password(self):
        self.t.write('wrong', 'not it\n')
        self.try_with(tamis.REFUSED, bad=dict(
            self.imap(self.dovecot),
            auth={'password_file': self.t.config_dir + '/wrong'}))

    def test_server_is_down(self):
        r = self.try_with(tamis.LATER, 'localhost', bad=dict(
            self.imap(self.dovecot),
            imap='imaps://localhost:%d' % servers.free_port()))
        # in cron nobody is told before alert_after
        r = self.expect(tamis.LATER, 'run')
        self.assertEqual(r.err, '')
        # and then it is, every time
        self.alter("UPDATE note SET value = value - 7 * 3600 "
                   "WHERE key = 'trouble_since'", account='bad')
        r = self.expect(tamis.LATER, 'run')
        self.assertIn('tamis: bad: ', r.err)

    def test_trouble_that_ended_counts_no_more(self):
        self.configure(a=dict(self.imap(self.dovecot),
                              imap='imaps://localhost:%d' %
                              servers.free_port()))
        self.expect(tamis.LATER, 'run')
        self.alter("UPDATE note SET value = value - 7 * 3600")
        self.alter("UPDATE owner SET owner = ?",
                   'imaps://localhost:%d alice' % self.dovecot.tls_port)
        self.configure(a=self.imap(self.dovecot))
        self.expect(0, 'run')
        self.assertEqual(self.query("SELECT value FROM note WHERE key = "
                                    "'trouble_since'"), [(0,)])

    def test_unknown_authority(self):
        account = self.imap(self.dovecot)
        del account['tls']
        r = self.try_with(tamis.BAD_CONFIG, 'certificate', bad=account)
        self.assertIn('ca_file', r.err)

    def test_certificate_for_another_name(self):
        with servers.Dovecot() as s:
            self.remake(s, names='DNS:mail.example.org')
            r = self.try_with(tamis.BAD_CONFIG, bad=self.imap(s))
            self.assertIn('localhost', r.err)

    def test_certificate_expired(self):
        with servers.Dovecot() as s:
            self.remake(s, days=-1)
            r = self.try_with(tamis.BAD_CONFIG, bad=self.imap(s))
            self.assertIn('expired', r.err)

    def remake(self, s, **more):
        """With another certificate."""
        s.stop()
        servers.authority().certificate(s.folder, **more)
        s.start()

    def test_starttls_without_a_certificate_that_fits(self):
        with servers.Dovecot() as s:
            self.remake(s, names='DNS:mail.example.org')
            self.try_with(tamis.BAD_CONFIG,
                          bad=self.imap(s, tls=False))

    def test_a_server_that_hangs(self):
        with faultproxy.Proxy(self.dovecot, faultproxy.Fault(
                'stall', command='*', nth=3, times=99)) as p:
            self.try_with(tamis.LATER, 'nothing was heard', bad=dict(
                self.imap(p), timeout='2s'))
        self.assertLess(self.took, 20)

    def test_a_server_that_hangs_from_the_start(self):
        s = servers.socket.create_server((servers.HOST, 0))
        self.addCleanup(s.close)
        port = s.getsockname()[1]
        self.try_with(tamis.LATER, bad=dict(
            self.imap(self.dovecot), timeout='1s',
            imap='imaps://localhost:%d' % port))
        self.assertLess(self.took, 20)

    def test_no_such_maildir(self):
        self.try_with(tamis.BAD_CONFIG, 'nowhere', bad={
            'maildir': self.t.home + '/nowhere'})

    def test_a_mailbox_that_is_not_there(self):
        account = self.imap(self.dovecot)
        account['mailboxes'] = ['Nowhere', self.mailbox]
        self.configure(a=account)
        self.fill()
        r = self.expect(3, 'run', '--all')
        self.assertIn('Nowhere', r.err)
        self.assert_done(where=('one',))

    # ---------------------------------------------------- exit codes

    def test_the_worst_exit_code(self):
        self.t.write('wrong', 'not it\n')
        good = self.good()
        down = dict(self.imap(self.dovecot), imap='imaps://localhost:%d' %
                    servers.free_port())
        refused = dict(self.imap(self.dovecot), auth={
            'password_file': self.t.config_dir + '/wrong'})
        unknown = self.imap(self.dovecot)
        del unknown['tls']
        for name, rule in (
                ('brake', '{name: brake, limit: 1, then: [{mark: read}]}'),
                ('fail', '{name: fail, then: [{label: "$(list_id)"}]}')):
            self.t.rules('rules: [%s]' % rule, name + '.yaml')
            maildir.deliver(self.t.home + '/' + name,
                            [message(1), message(2)])
        brake, fail = ({'maildir': self.t.home + '/' + name,
                        'rules': [name + '.yaml']}
                       for name in ('brake', 'fail'))
        all_of = {'good': good['one'], 'down': down, 'fail': fail,
                  'brake': brake, 'refused': refused, 'unknown': unknown}
        for status, without in ((78, ()), (77, ('unknown',)),
                                (4, ('refused',)), (3, ('brake',)),
                                (75, ('fail',)), (0, ('down',))):
            for name in without:
                del all_of[name]
            with self.subTest(status):
                self.configure(**all_of)
                self.expect(status, 'run', '--all')

    def test_state_of_one_cannot_be_written(self):
        good = self.good()
        os.makedirs(self.t.state_dir, 0o700)
        with open(self.t.state_dir + '/bad', 'w'):
            pass	# a file where its folder should be
        r = self.try_with(tamis.STATE, bad=good['one'])
        self.assertIn(self.t.state_dir + '/bad', r.err)

    # ------------------------------------------------- rules by account

    def test_rules_that_name_accounts(self):
        self.t.rules('''
rules:
  - {name: by rule, account: [two], when: {subject: star},
     then: [{mark: starred}]}
  - {name: by condition, when: {account: three, subject: star},
     then: [{mark: starred}]}
  - {name: the others, when: {not: {account: [two, three]}, subject: star},
     then: [{mark: read}]}
  - {name: template, when: {subject: star}, then: [{label: "$(account)"}]}
''')
        self.configure(**self.good())
        self.fill()
        self.expect(0, 'run', '--all')
        self.assertEqual(self.flags_at(self.dovecot, 1),
                         {'\\Seen', 'one'})
        self.assertEqual(self.flags_at(self.cyrus, 1),
                         {'\\Flagged', 'two'})
        self.assertEqual(self.places(self.box)[1],
                         [('INBOX', {'\\Flagged', 'three'})])

    def test_rules_of_an_account(self):
        self.t.rules('rules: [{name: own, when: {subject: star}, '
                     'then: [{mark: read}]}]', 'own.yaml')
        good = self.good()
        good['two']['rules'] = ['own.yaml']
        self.configure(**good)
        self.fill()
        self.expect(0, 'run', '--all')
        self.assertEqual(self.flags_at(self.dovecot, 1), STAR)
        self.assertEqual(self.flags_at(self.cyrus, 1),
                         STAR | {'\\Seen'})

    def test_broken_rules_of_one_account(self):
        self.t.rules('rules: [{name: own, wen: {}}]', 'own.yaml')
        good = self.good()
        good['two']['rules'] = ['own.yaml']
        self.configure(**good)
        self.fill()
        r = self.expect(tamis.BAD_CONFIG, 'run', '--all')
        self.assertIn('own.yaml', r.err)
        self.assert_done(where=('one', 'three'))

    def test_what_is_wrong_with_shared_rules_is_said_once(self):
        self.t.rules('rules: [{name: a, wen: {}}]')
        self.t.rules('rules: [{name: own, than: []}]', 'own.yaml')
        good = self.good()
        good['two']['rules'] = ['own.yaml']
        self.configure(**good)
        r = self.expect(tamis.BAD_CONFIG, '--json', 'run')
        self.assertEqual(r.err.count('`wen`'), 1, r)
        self.assertEqual(r.err.count('`than`'), 1, r)
        self.assertEqual([x['exit'] for x in r.json() if
                          x['type'] == 'run'], [])


if __name__ == '__main__':
    tap.main()
