#!/usr/bin/env python3
"""Trouble at Gmail in words that say what to do, and its exit codes."""
# timeout: 300

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402
from model import Case	# noqa: E402


class Words(Case):
    def setUp(self):
        super().setUp()
        self.t = tamis.Tamis()
        self.account()
        self.t.rules('rules: [{name: r, when: {subject: x}, '
                     'then: [{label: l}, archive]}]')

    def account(self, **more):
        self.t.config({'alert_after': '0s', 'accounts': {
            'g': self.t.account(self.s, 'alice', **more)}})

    def new(self, n=1):
        return self.c.load([{'raw': message(n, subject='x')}])[0]

    def said(self, status, *words, args=('run',)):
        r = self.t.run(*args)
        self.assertEqual(r.status, status, r)
        for word in words:
            self.assertIn(word, r.out + r.err)
        return r


class LoggingIn(Words):
    def refused(self, how, *words, status=tamis.REFUSED, tries=1):
        self.c.set(login=how)
        before = self.c.counters()['connections']
        self.said(status, *words)
        self.assertEqual(self.c.counters()['connections'] - before, tries)

    def test_app_password(self):
        self.refused('app_password', 'make an app password',
                     'https://support.google.com/accounts/answer/185833')

    def test_web_login(self):
        self.refused('webalert', 'https://accounts.google.com/signin/'
                     'continue?sarp=1', 'log in at that address')
        self.refused('alert', 'accounts/answer/78754',
                     'log in at that address')

    def test_imap_is_off(self):
        self.refused('disabled', 'switch IMAP on', 'POP/IMAP')

    def test_password_of_the_account(self):
        self.account(password='wrong')
        self.refused('ok', 'Invalid credentials', 'make an app password')

    def test_bandwidth(self):
        self.refused('overquota', 'daily bandwidth is used up',
                     'within a day', status=tamis.LATER)

    def test_sixteenth_connection(self):
        self.c.set(connection_limit=2)
        others = [self.talk() for _ in range(2)]
        self.said(tamis.LATER, 'Too many simultaneous connections',
                  'close other mail programs')
        others[0].close()
        while len(self.s.sessions) > 1:
            time.sleep(0.001)
        self.said(tamis.DONE)

    def test_tokens(self):
        for token, status, words in (
                ('good-alice', tamis.DONE, []),
                ('old', tamis.REFUSED, ['"401"', 'https://mail.google.com/',
                                        'has not expired'])):
            path = self.t.write('token', '#!/bin/sh\necho %s\n' % token,
                                0o700)
            account = self.t.account(self.s, 'alice')
            account['auth'] = {'token_command': [path],
                               'mechanism': 'XOAUTH2'}
            self.t.config({'accounts': {'g': account}})
            self.said(status, *words)


class Trouble(Words):
    def setUp(self):
        super().setUp()
        self.said(tamis.DONE)

    def labels(self, id):
        return self.m(id)['labels']

    def test_throttled(self):
        id = self.new()
        self.c.fault('throttled', 'LIST', where='after')
        self.c.fault('throttled', 'UID FETCH', where='after')
        began = time.monotonic()
        r = self.said(tamis.DONE, args=('run', '-v'))
        self.assertGreater(time.monotonic() - began, 1.5)
        self.assertEqual(r.err.count('asks for less'), 2)
        self.assertEqual(self.labels(id), ['l'])

    def test_bandwidth(self):
        for command in ('UID FETCH', 'SELECT', 'UID STORE'):
            with self.subTest(command=command):
                id = self.new()
                self.c.fault('overquota', command, times=9)
                self.said(tamis.LATER, 'daily bandwidth is used up',
                          'within a day')
                self.c.calm()
                self.said(tamis.DONE)
                self.assertEqual(self.labels(id), ['l'])

    def test_storage(self):
        id = self.new()
        self.c.fault('storage', 'UID STORE', times=9)
        r = self.t.run('run', '-v')
        self.assertIn('the account is full', r.out + r.err)
        self.assertNotIn('bandwidth', r.out + r.err)
        self.c.calm()
        self.said(tamis.DONE)
        self.assertEqual(self.labels(id), ['l'])

    def test_session_expired(self):
        for command in ('SELECT', 'UID FETCH', 'UID STORE'):
            with self.subTest(command=command):
                id = self.new()
                self.c.fault('bye', command)
                # asked for a message, another session is tried
                self.said(tamis.DONE if command == 'UID FETCH' else
                          tamis.LATER, '' if command == 'UID FETCH' else
                          'Session expired')
                self.said(tamis.DONE)
                self.assertEqual(self.labels(id), ['l'])

    def test_system_error(self):
        for command in ('SELECT', 'UID FETCH', 'UID STORE', 'LIST'):
            with self.subTest(command=command):
                id = self.new()
                self.c.fault('no', command)
                r = self.t.run('run', '-v')
                self.assertIn('System Error', r.out + r.err)
                self.said(tamis.DONE)
                self.assertEqual(self.labels(id), ['l'])


del Case, Words
if __name__ == '__main__':
    tap.main()
