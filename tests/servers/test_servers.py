#!/usr/bin/env python3
"""The test servers and the fault proxy do what other tests rely on."""

import imaplib
import os
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))

import faultproxy	# noqa: E402
import servers		# noqa: E402
import tap		# noqa: E402
from faultproxy import Fault	# noqa: E402

MAIL = (b'From: Alice <alice@example.org>\r\nTo: bob@example.org\r\n'
        b'Subject: %d\r\nMessage-ID: <m%d@example.org>\r\n\r\nHello.\r\n')
DATE = '17-Jul-2026 02:44:25 +0200'


def message(n):
    return MAIL % (n, n)


def connect(port):
    return imaplib.IMAP4_SSL('127.0.0.1', port,
                             ssl_context=servers.tls_context(), timeout=10)


class Peers:
    """What every server must do; subclasses say which."""

    def test_start_append_dump_stop(self):
        with self.make() as s:
            s.append('alice', 'INBOX', message(1), '\\Seen $Label', DATE)
            s.create('alice', 'list/a b')
            s.append('alice', 'list/a b', [message(2), message(3)])
            boxes = s.dump_all('alice')
            self.assertEqual(sorted(boxes), ['INBOX', 'list/a b'])
            m = boxes['INBOX'][0]
            self.assertEqual((m.uid, m.flags, m.message_id, m.size),
                             (1, {'\\Seen', '$Label'}, 'm1@example.org',
                              len(message(1))))
            self.assertIn(' 00:44:25 +0000', m.date)
            self.assertEqual([m.message_id for m in boxes['list/a b']],
                             ['m2@example.org', 'm3@example.org'])
            self.assertEqual(s.dump('bob', 'INBOX'), [])
            self.assertEqual(s.status('alice', 'list/a b')['UNSEEN'], 2)
            port, token = s.port, s.token
            self.assertIn(token, self.greeting(port))
        self.assertNotIn(token, self.greeting(port))

    def greeting(self, port):
        """Nothing, or that of another test's server."""
        try:
            with socket.create_connection(('127.0.0.1', port), 5) as c:
                return c.makefile().readline()
        except OSError:
            return ''

    def test_restart_keeps_mail(self):
        with self.make() as s:
            s.append('alice', 'INBOX', message(1))
            before = s.dump_all('alice')
            s.stop()
            s.start()
            self.assertEqual(s.dump_all('alice'), before)
            self.assertEqual(len(before['INBOX']), 1)

    def test_wrong_password(self):
        with self.make() as s:
            with self.assertRaises(imaplib.IMAP4.error):
                s.client('alice', 'wrong')

    def test_special_use(self):
        with self.make() as s:
            self.assertLessEqual({'INBOX', 'Trash', 'Junk', 'Archive'},
                                 set(s.mailboxes('alice')))


class DovecotMaildir(Peers, unittest.TestCase):
    def make(self):
        return servers.Dovecot(format='maildir')

    def test_doveadm_agrees(self):
        with self.make() as s:
            s.append('alice', 'INBOX', message(1), '\\Flagged')
            self.assertEqual(
                [(u, f) for u, f, _ in s.doveadm_dump('alice')['INBOX']],
                [(m.uid, m.flags) for m in s.dump('alice')])

    def test_capability_is_trimmed(self):
        with servers.Dovecot(capability=servers.BARE) as s:
            c = s.client()
            said = servers.check(c.capability())[0].decode()
            self.assertEqual(said, servers.BARE)
            c.logout()

    def test_quota(self):
        with servers.Dovecot(quota='20K') as s:
            big = message(1) + b'x' * 70 + b'\r\n'
            big += (b'y' * 70 + b'\r\n') * 200
            s.append('bob', 'INBOX', big)
            with self.assertRaisesRegex(imaplib.IMAP4.error, 'OVERQUOTA'):
                s.append('bob', 'INBOX', big)

    def test_token(self):
        with servers.Dovecot(tokens=True) as s:
            for token, good in (('good-alice', True), ('bad', False)):
                c = connect(s.tls_port)
                text = 'user=alice\1auth=Bearer %s\1\1' % token
                if good:
                    c.authenticate('XOAUTH2', lambda _: text.encode())
                    c.logout()
                else:
                    with self.assertRaises(imaplib.IMAP4.error):
                        c.authenticate('XOAUTH2', lambda _: text.encode())


class DovecotMdbox(Peers, unittest.TestCase):
    def make(self):
        return servers.Dovecot(format='mdbox')


class Cyrus(Peers, unittest.TestCase):
    def make(self):
        return servers.Cyrus()

    def test_no_login_without_tls(self):
        with self.make() as s:
            c = imaplib.IMAP4('127.0.0.1', s.port)
            self.assertIn('LOGINDISABLED', c.capabilities)
            c.starttls(servers.tls_context())
            self.assertNotIn('LOGINDISABLED', c.capabilities)
            c.login('alice', 'secret')
            c.logout()


class Proxy(unittest.TestCase):
    """Each fault against a real server, which has the last word."""

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        with servers.closing(self.server.client()) as c:
            c.select()
            c.uid('STORE', '1:*', '+FLAGS', '\\Deleted')
            c.expunge()
        self.server.append('alice', 'INBOX', message(1))

    def login(self, proxy):
        c = connect(proxy.tls_port)
        c.login('alice', 'secret')
        return c

    def count(self):
        return len(self.server.dump('alice'))

    def test_transparent(self):
        with faultproxy.Proxy(self.server, keep=True) as p:
            c = self.login(p)
            servers.append_raw(c, 'INBOX', message(2))
            c.select()
            self.assertEqual(c.fetch('2', 'BODY.PEEK[]')[1][0][1],
                             message(2))
            c.logout()
            self.assertEqual(p.commands, [
                'CAPABILITY', 'LOGIN', 'APPEND', 'SELECT', 'FETCH',
                'LOGOUT'])
            self.assertEqual(p.connections, 1)
            self.assertEqual(p.turns, 7)	# the literal is one more
            sent = b''.join(d for w, d in p.wire if w == 'C')
            self.assertEqual(len(sent), p.to_server)
            self.assertIn(message(2), sent)
            self.assertEqual(p.errors, [])

    def test_plain_side(self):
        with faultproxy.Proxy(self.server) as p:
            c = imaplib.IMAP4('127.0.0.1', p.port)
            c.login('alice', 'secret')
            c.logout()

    def test_pipelined_is_one_turn(self):
        with faultproxy.Proxy(self.server) as p:
            c = self.login(p)
            before = p.turns
            c.send(b'x1 NOOP\r\nx2 NOOP\r\nx3 SELECT INBOX\r\n')
            while not c.readline().startswith(b'x3 OK'):
                pass
            self.assertEqual(p.turns, before + 1)
            self.assertEqual(p.commands[-3:], ['NOOP', 'NOOP', 'SELECT'])

    def test_cut_before_command(self):
        for action in ('cut', 'rst', 'bye'):
            with self.subTest(action):
                fault = Fault(action, command='APPEND')
                with faultproxy.Proxy(self.server, fault) as p:
                    c = self.login(p)
                    with self.assertRaises((OSError, imaplib.IMAP4.abort)):
                        servers.append_raw(c, 'INBOX', message(2))
                    self.assertEqual(p.fired, 1)
                self.assertEqual(self.count(), 1)

    def test_cut_after_effect(self):
        for n, action in enumerate(('cut', 'rst', 'bye'), 2):
            with self.subTest(action):
                fault = Fault(action, reply='APPEND')
                with faultproxy.Proxy(self.server, fault) as p:
                    c = self.login(p)
                    with self.assertRaises((OSError, imaplib.IMAP4.abort)):
                        servers.append_raw(c, 'INBOX', message(n))
                    self.assertEqual(p.fired, 1)
                self.assertEqual(self.count(), n)

    def test_reset_is_a_reset(self):
        with faultproxy.Proxy(self.server, Fault('rst', reply='NOOP')) as p:
            c = imaplib.IMAP4('127.0.0.1', p.port)
            c.send(b'x NOOP\r\n')
            with self.assertRaises(ConnectionResetError):
                while c.sock.recv(100):
                    pass

    def test_cut_in_literal(self):
        with faultproxy.Proxy(self.server, Fault('cut', literal=10)) as p:
            c = self.login(p)
            with self.assertRaises((OSError, imaplib.IMAP4.abort)):
                servers.append_raw(c, 'INBOX', message(2))
            self.assertEqual(p.fired, 1)
        self.assertEqual(self.count(), 1)

    def test_cut_after_octets(self):
        for way in ('to_server', 'to_client'):
            with self.subTest(way):
                fault = Fault('cut', **{way: 30})
                with faultproxy.Proxy(self.server, fault) as p:
                    with self.assertRaises((OSError, imaplib.IMAP4.abort)):
                        self.login(p).noop()
                    self.assertEqual(getattr(p, way), 30)

    def test_refused(self):
        for action, place in (('no', 'command'), ('bad', 'command'),
                              ('no', 'reply')):
            with self.subTest(action + ' ' + place):
                fault = Fault(action, **{place: 'CREATE'}, nth=2)
                with faultproxy.Proxy(self.server, fault) as p:
                    c = self.login(p)
                    name = action + place
                    self.assertEqual(c.create(name + '1')[0], 'OK')
                    try:
                        kind = c.create(name + '2')[0]
                    except imaplib.IMAP4.error:
                        kind = 'BAD'
                    self.assertEqual(kind, action.upper())
                    self.assertEqual(c.create(name + '3')[0], 'OK')
                    c.logout()
                boxes = self.server.mailboxes('alice')
                self.assertIn(name + '1', boxes)
                self.assertEqual(name + '2' in boxes, place == 'reply')

    def test_stall(self):
        with faultproxy.Proxy(self.server, Fault('stall', reply='NOOP')) as p:
            c = self.login(p)
            c.sock.settimeout(0.3)
            began = time.monotonic()
            with self.assertRaises(OSError):
                c.noop()
            self.assertGreaterEqual(time.monotonic() - began, 0.3)

    def test_callable_and_any_command(self):
        for nth, name in enumerate(('CAPABILITY', 'LOGIN', 'NOOP'), 1):
            with self.subTest(nth):
                seen = []
                fault = Fault(lambda: seen.append(list(p.commands)),
                              command='*', nth=nth)
                with faultproxy.Proxy(self.server, fault) as p:
                    with self.assertRaises((OSError, imaplib.IMAP4.abort)):
                        self.login(p).noop()
                    self.assertEqual(len(seen[0]), nth)
                    self.assertEqual(seen[0][-1], name)


if __name__ == '__main__':
    tap.main()
