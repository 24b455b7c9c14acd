#!/usr/bin/env python3
"""Logging in at the Gmail-like server: M6 and M30 of its model."""

import base64
import json
import os
import socket
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + '/../lib']

import servers	# noqa: E402
import tap	# noqa: E402
from mailmaker import message	# noqa: E402
from model import Case	# noqa: E402


def code(text):
    return base64.b64encode(text.encode()).decode()


def xoauth2(user, token):
    return code('user=%s\1auth=Bearer %s\1\1' % (user, token))


def oauthbearer(user, token):
    return code('n,a=%s,\1host=localhost\1port=993\1auth=Bearer %s\1\1' % (
        user, token))


class Login(Case):
    def refused(self, *command):
        t = self.talk(user=None)
        said = t(*command)
        self.assertIsNotNone(said)
        return t, said

    def test_m6_ways_that_work(self):
        plain = code('\0alice\0secret')
        for command in (
                'LOGIN alice secret', 'LOGIN "alice" "secret"',
                'AUTHENTICATE PLAIN ' + plain,
                'AUTHENTICATE XOAUTH2 ' + xoauth2('alice', 'good-alice'),
                'AUTHENTICATE OAUTHBEARER ' + oauthbearer(
                    'alice', 'good-alice')):
            t = self.talk(user=None)
            self.assertEqual(t(command), 'OK alice authenticated (Success)')
            self.assertTrue(t.said('* CAPABILITY'))
        t = self.talk(user=None)
        self.assertEqual(t('AUTHENTICATE PLAIN'), '+')
        t.sock.sendall(plain.encode() + b'\r\n')
        self.assertIn('authenticated', t.answer(b'T1'))
        t = self.talk(user=None)
        self.assertIn('authenticated', t('LOGIN ', b'alice', ' ', b'secret'))

    def test_m6_wrong_passwords(self):
        for command in ('LOGIN alice wrong', 'LOGIN nobody secret',
                        'AUTHENTICATE PLAIN ' + code('\0alice\0wrong')):
            t, said = self.refused(command)
            self.assertEqual(said, 'NO [AUTHENTICATIONFAILED] Invalid '
                             'credentials (Failure)')
            t.ok('LOGIN alice secret')

    def test_m6_a_bad_token_gets_a_challenge(self):
        for command, answer, schemes in (
                ('XOAUTH2 ' + xoauth2('alice', 'bad'), b'', 'bearer mac'),
                ('OAUTHBEARER ' + oauthbearer('alice', 'bad'), b'AQ==',
                 'Bearer')):
            t = self.talk(user=None)
            tag = t.send('AUTHENTICATE ' + command)
            said = t.line()
            self.assertEqual(json.loads(base64.b64decode(said[2:])), {
                'status': '401', 'schemes': schemes,
                'scope': 'https://mail.google.com/'})
            t.sock.sendall(answer + b'\r\n')
            self.assertIn('[AUTHENTICATIONFAILED]', t.answer(tag))

    def test_m6_a_token_expires(self):
        for life, alive in ((0.0, True), (0.1, False)):
            self.fresh(token_life=life)
            t = self.talk(user=None)
            t.ok('AUTHENTICATE XOAUTH2 ' + xoauth2('alice', 'good-alice'))
            t.ok('NOOP')
            time.sleep(0.15)
            said = t('NOOP')
            self.assertEqual(said is not None, alive)
            if not alive:
                self.assertEqual(t.lines, [
                    b'* BYE Session expired, please login again'])

    def test_m6_what_google_says(self):
        for how, said in (
                ('webalert', 'NO [ALERT] Please log in via your web browser: '
                 'https://support.google.com/mail/accounts/answer/78754 '
                 '(Failure)'),
                ('alert', 'NO [ALERT] Please log in via your web browser: '
                 'https://support.google.com/mail/accounts/answer/78754 '
                 '(Failure)'),
                ('app_password', 'NO [ALERT] Application-specific password '
                 'required: https://support.google.com/accounts/answer/'
                 '185833 (Failure)'),
                ('overquota', 'NO [OVERQUOTA] Account exceeded command or '
                 'bandwidth limits. (Failure)'),
                ('too_many', 'NO [ALERT] Too many simultaneous connections. '
                 '(Failure)')):
            self.fresh(login=how)
            t, got = self.refused('LOGIN alice secret')
            self.assertEqual(got, said)
            self.assertEqual(bool(t.said('[WEBALERT https://')),
                             how == 'webalert')
        self.fresh(login='disabled')
        self.assertIn('enable', self.refused('LOGIN alice secret')[1])

    def test_in_the_clear_only_starttls(self):
        s = socket.create_connection(('127.0.0.1', self.s.port), 10)
        f = s.makefile('rb')
        f.readline()
        s.sendall(b'a LOGIN alice secret\r\nb CAPABILITY\r\n')
        self.assertIn(b'a NO [PRIVACYREQUIRED]', f.readline())
        self.assertIn(b'LOGINDISABLED', f.readline())
        f.readline()
        # what is put behind STARTTLS in the clear is not obeyed
        s.sendall(b'c STARTTLS\r\nd NOOP\r\n')
        self.assertTrue(f.readline().startswith(b'c OK'))
        tls = servers.tls_context().wrap_socket(
            s, server_hostname='localhost')
        f = tls.makefile('rb')
        tls.sendall(b'e LOGIN alice secret\r\n')
        f.readline()
        self.assertTrue(f.readline().startswith(b'e OK alice'))
        f.close()
        tls.close()

    def test_m30_the_sixteenth_connection(self):
        there = [self.talk() for _ in range(15)]
        t, said = self.refused('LOGIN alice secret')
        self.assertEqual(said, 'NO [ALERT] Too many simultaneous '
                         'connections. (Failure)')
        self.assertIn('authenticated', self.refused(
            'LOGIN bob secret')[1])
        alive = len(self.s.sessions)
        there[0]('LOGOUT')
        self.wait_for_fewer(alive)
        t.ok('LOGIN alice secret')

    def wait_for_fewer(self, sessions):
        until = time.monotonic() + 10
        while len(self.s.sessions) >= sessions and \
                time.monotonic() < until:
            time.sleep(0.002)

    def test_m30_killed_connections_count_for_a_while(self):
        for linger, free in ((0.0, True), (30.0, False)):
            self.fresh(connection_limit=1, dead_linger=linger)
            t = self.talk()
            t.close()
            self.s.settle()
            self.assertEqual(self.refused('LOGIN alice secret')[1][:2],
                             'OK' if free else 'NO')

    def test_users_have_mail_of_their_own(self):
        self.c.load([{'raw': message(1)}], 'bob')
        t = self.talk('INBOX')
        self.assertTrue(t.said('0 EXISTS'))


if __name__ == '__main__':
    tap.main()
