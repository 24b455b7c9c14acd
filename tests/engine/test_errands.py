#!/usr/bin/env python3
"""Programs that are started and mail that is sent on: once, and before a
message goes away."""
# timeout: 300

import email
import email.policy
import os
import signal
import time
import unittest

import maildir
import peers
import runs
import servers
import tap
from mailmaker import message


class Case(runs.Case):
    def setUp(self):
        super().setUp()
        self.post = peers.Post()
        self.addCleanup(self.post.close)
        self.box = self.t.folder + '/Mail'
        maildir.make(self.box)
        self.n = 0
        self.log = self.t.folder + '/log'
        self.prog = self.t.write('prog', '#!/bin/sh\n{ echo "$@"; cat; } '
                                 '>> %s\nexit 0\n' % self.log, 0o700)

    def top(self):
        return {'notify': {'mail': {
            'smtp': self.post.url, 'to': 'me@example.org',
            'from': 'tamis@example.org', 'timeout': '5s',
            'tls': {'ca_file': self.post.ca_file}}}}

    def rule(self, then, more='', **account):
        self.configure(top=self.top(),
                       a=dict({'maildir': self.box}, **account))
        self.t.rules('rules: [{name: r, when: {subject: ping}, then: [%s]%s}]'
                     '\n' % (then, more))

    def mail(self, subject='ping', **more):
        self.n += 1
        maildir.deliver(self.box, [message(self.n, subject, **more)], self.n)
        os.utime('%s/new/%d.M%dP1.test' % (self.box, 1780000000 + self.n,
                                           self.n))

    def ran(self):
        try:
            with open(self.log, newline='') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def where(self):
        return self.boxes_of(self.box)


class Programs(Case):
    def run_rule(self, more='', timeout=''):
        self.rule('{run: {command: [%s, of, $(rule)]%s}}, trash'
                  % (self.prog, timeout), more)
        self.expect(0, 'run')

    def script(self, text):
        self.t.write('prog', '#!/bin/sh\necho >> %s\n%s\n' % (self.log, text),
                     0o700)

    def test_once_with_the_message(self):
        self.run_rule()
        self.mail()
        r = self.expect(1, 'run', '--dry-run')
        self.assertIn('would run ' + self.prog, r.out)
        self.assertEqual(self.ran(), '')
        r = self.expect(0, 'run')
        self.assertIn('run ' + self.prog, r.out)
        self.assertEqual(self.ran(), 'of r\n' + message(1, 'ping').decode())
        self.assertEqual(self.where(), {1: ['Trash']})
        self.expect(0, 'run', '--all', '--notify', '--mailbox', 'Trash')
        self.assertEqual(self.ran().count('of r'), 1)
        r = self.expect(0, 'why', '1@example.org')
        self.assertIn('run ' + self.prog, r.out)

    def test_old_mail_and_source(self):
        self.mail()
        self.run_rule()
        self.expect(0, 'run', '--all')
        self.assertEqual(self.ran(), '')
        # what it is told to do else is done
        self.assertEqual(self.where(), {1: ['Trash']})

    def test_failure_keeps_it_where_it_is(self):
        self.run_rule()
        self.script('exit 3')
        self.mail()
        r = self.expect(3, 'run')
        self.assertIn('exited with status 3', r.out)
        self.assertIn('it stays', r.out)
        self.assertEqual(self.where(), {1: ['INBOX']})
        self.script('exit 0')
        self.expect(0, 'run')
        self.expect(0, 'run', '--all')
        self.assertEqual(self.ran(), '\n')
        self.assertEqual(self.where(), {1: ['INBOX']})

    def test_later(self):
        self.run_rule()
        self.script('exit 75')
        self.mail()
        self.expect(0, 'run')
        self.assertEqual(self.where(), {1: ['INBOX']})
        self.script('exit 0')
        self.expect(0, 'run')
        self.assertEqual(self.ran(), '\n\n')
        self.assertEqual(self.where(), {1: ['Trash']})

    def test_given_up(self):
        self.run_rule()
        self.script('exit 75')
        self.mail()
        for _ in range(4):
            self.expect(0, 'run')
        self.expect(3, 'run')
        self.expect(0, 'run')
        self.assertEqual(self.ran(), '\n' * 5)
        self.assertEqual(self.where(), {1: ['INBOX']})

    def test_too_slow(self):
        self.run_rule(timeout=', timeout: 1s')
        self.script('exec sleep 30')
        self.mail()
        r = self.expect(3, 'run')
        self.assertIn('perhaps done: %s took more than 1 s' % self.prog,
                      r.out)
        self.script('exit 0')
        self.expect(0, 'run', '--all')
        self.assertEqual(self.ran(), '\n')
        self.assertEqual(self.where(), {1: ['INBOX']})

    def test_on_error(self):
        self.run_rule(', on_error: [{label: broken}]')
        self.script('exit 3')
        self.mail()
        self.expect(0, 'run')
        self.assertEqual(self.places(self.box), {1: [('INBOX', {'broken'})]})

    def test_killed_while_it_runs(self):
        self.run_rule()
        self.script('exec sleep 30')
        self.mail()
        p = self.t.start('run')
        while self.ran() == '':
            time.sleep(0.01)
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        self.script('exit 0')
        r = self.expect(0, 'run')
        self.assertIn('it is not repeated', r.err)
        self.expect(0, 'run', '--all')
        self.assertEqual(self.ran(), '\n')
        self.assertEqual(self.where(), {1: ['INBOX']})

    def test_imap(self):
        s = self.start(servers.Dovecot())
        self.run_rule()
        self.configure(top=self.top(), b=self.t.account(s))
        self.expect(0, 'run')
        s.append('alice', 'INBOX', [message(1, 'ping'), message(2, 'no')])
        self.expect(0, 'run')
        self.assertEqual(self.ran(), 'of r\n' + message(1, 'ping').decode())
        self.assertEqual(self.boxes_of(s), {1: ['Trash'], 2: ['INBOX']})
        self.script('exit 1')
        s.append('alice', 'INBOX', [message(3, 'ping')])
        self.expect(3, 'run')
        self.assertEqual(self.boxes_of(s)[3], ['INBOX'])


class Forwards(Case):
    def setUp(self):
        super().setUp()
        self.rule('{forward: you@example.com}, {label: sent}, delete',
                  allow_delete=True)
        self.expect(0, 'run')

    def test_once_as_it_is(self):
        whole = message(1, 'ping', body='.\r\nd\xe9\r\n')
        self.mail(body='.\r\nd\xe9\r\n')
        r = self.expect(0, 'run')
        self.assertIn('forward to you@example.com', r.out)
        m, = self.post.mails
        self.assertEqual((m.sender, m.to),
                         ('tamis@example.org', ['you@example.com']))
        self.assertTrue(m.data.endswith(whole))
        msg = email.message_from_bytes(m.data[:-len(whole)],
                                       policy=email.policy.default)
        self.assertEqual(
            [msg['Resent-From'], msg['Resent-To'], msg['X-Loop']],
            ['tamis@example.org', 'you@example.com', 'you@example.com'])
        self.assertLess(abs(msg['Resent-Date'].datetime.timestamp() -
                            time.time()), 100)
        self.assertRegex(msg['Resent-Message-ID'], '@example.org>$')
        self.assertEqual(self.where(), {})

    def test_no_circle(self):
        for field in ('X-Loop', 'Delivered-To'):
            self.mail(headers=[(field, 'You@Example.com')])
        self.mail(headers=[('Received', 'by x')] * 51)
        r = self.expect(3, 'run')
        self.assertEqual(r.out.count('go in a circle'), 3, r)
        self.assertEqual(self.post.mails, [])
        self.assertEqual(self.where(), {n: ['INBOX'] for n in (1, 2, 3)})

    def test_trouble(self):
        self.post.replies = {'RCPT': '450 later'}
        self.mail()
        self.expect(0, 'run')
        self.assertEqual(self.where(), {1: ['INBOX']})
        self.post.replies = {}
        self.expect(0, 'run')
        self.assertEqual((len(self.post.mails), self.where()), (1, {}))
        self.post.replies = {'RCPT': '550 no'}
        self.mail()
        self.expect(3, 'run')
        self.post.replies = {'END': 'close'}
        self.mail()
        r = self.expect(3, 'run')
        self.assertIn('perhaps done', r.out)
        self.post.replies = {}
        self.expect(0, 'run', '--all')
        self.assertEqual(len(self.post.mails), 2)
        self.assertEqual(self.where(), {2: ['INBOX'], 3: ['INBOX']})

    def test_through(self):
        r = self.t.run('check')
        self.assertEqual(r.status, 0, r)
        for then, said in [
                ('{forward: {to: a@b.example, through: post}}',
                 'the config has no channel `post`'),
                ('{forward: Alice <a@b.example>}', 'wants one address'),
                ('{forward: {through: mail}}', 'wants `to`'),
                ('{run: prog x}', 'there is no shell'),
                ('{run: [prog, $(subject)]}', 'in arguments there are')]:
            self.rule(then)
            r = self.expect(1, 'check')
            self.assertIn(said, r.out)


if __name__ == '__main__':
    tap.main()
