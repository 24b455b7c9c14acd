#!/usr/bin/env python3
"""Coming to the server and in: mechanisms, tokens, TLS, proxies, COMPRESS."""
# timeout: 240

import os
import shutil
import time
import unittest
import zlib

import faultproxy
import proxies
import runs
import servers
import tamis
import tap
from faultproxy import Fault
from mailmaker import message

RULES = 'rules: [{name: star, when: {subject: star}, then: [{mark: starred}]}]'
STAR = frozenset(['\\Flagged'])
SECRETS = (servers.PASSWORD, 'good-alice')


class Base(runs.Case):
    def setUp(self):
        super().setUp()
        self.t.rules(RULES)

    def configure(self, **accounts):
        """Each time as on the first day."""
        shutil.rmtree(self.t.state_dir, ignore_errors=True)
        super().configure(**accounts)

    def works(self, server, account, *args, user='alice', **more):
        """A run over that account does its work."""
        server.append(user, 'INBOX', message(1, subject='star'))
        self.configure(a=account)
        r = self.expect(0, '-v', 'run', '--all', *args, **more)
        self.assertEqual({m.flags for m in server.dump(user)}, {STAR})
        return r

    def refused(self, status, account, *words, **more):
        """It does not, and says why, without the secret."""
        self.configure(a=account)
        r = self.expect(status, '-v', 'run', '--all', **more)
        for word in words:
            self.assertIn(word, r.err)
        for secret in SECRETS:
            self.assertNotIn(secret, r.out + r.err)
        return r

    def login_by(self, account):
        """What doctor says that it uses."""
        self.configure(a=account)
        r = self.expect(0, '--json', 'doctor')
        line, = [o['value'] for o in r.json() if o.get('key') == 'server' and
                 o['value'].startswith('login by ')]
        return line[len('login by '):]

    def sends(self, p):
        """Names of the commands so far; the proxy forgets them."""
        names = list(p.commands)
        p.arm()
        return names


class Mechanisms(Base):
    def test_the_best_is_taken(self):
        for offered, wanted in (
                ('plain', 'PLAIN'), ('plain login', 'PLAIN'),
                ('scram-sha-1 plain', 'SCRAM-SHA-1'),
                ('plain scram-sha-1 scram-sha-256', 'SCRAM-SHA-256')):
            with self.subTest(offered):
                s = self.start(servers.Dovecot(mechanisms=offered))
                account = self.t.account(s)
                self.assertEqual(self.login_by(account), wanted)
                self.works(s, account)

    def test_insisting(self):
        s = self.start(servers.Dovecot(
            mechanisms='plain login scram-sha-1 scram-sha-256'))
        p = self.start(faultproxy.Proxy(s))
        for name in ('PLAIN', 'LOGIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256'):
            account = self.t.account(p)
            account['auth']['mechanism'] = name
            self.assertEqual(self.login_by(account), name)
            self.assertIn('LOGIN' if name == 'LOGIN' else 'AUTHENTICATE',
                          self.sends(p))
        account['auth']['mechanism'] = 'SCRAM-SHA-256'
        weak = self.start(servers.Dovecot(mechanisms='plain'))
        p = self.start(faultproxy.Proxy(weak))
        account = dict(self.t.account(p), auth=account['auth'])
        self.refused(tamis.REFUSED, account, 'SCRAM-SHA-256')
        names = self.sends(p)
        self.assertNotIn('LOGIN', names)
        self.assertNotIn('AUTHENTICATE', names)

    def test_cyrus(self):
        s = self.start(servers.Cyrus())
        for name in ('PLAIN', 'LOGIN'):
            account = self.t.account(s)
            account['auth']['mechanism'] = name
            self.assertEqual(self.login_by(account), name)
        self.works(s, account)

    def test_wrong_password_by_each(self):
        s = self.start(servers.Dovecot(
            mechanisms='plain login scram-sha-1 scram-sha-256'))
        for name in ('PLAIN', 'LOGIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256'):
            account = self.t.account(s, password='not it')
            account['auth']['mechanism'] = name
            with self.subTest(name):
                r = self.refused(tamis.REFUSED, account, 'alice')
                self.assertNotIn('not it', r.err)

    def test_odd_passwords(self):
        kept = servers.PASSWORD
        for servers.PASSWORD in ('with "quotes" \\ and {5}', 'b\u00fc\u20ac',
                                 ' blanks ', 'x' * 300, '%d%s$(id)'):
            try:
                s = servers.Dovecot(
                    mechanisms='plain login scram-sha-256')
                s.start()
                self.addCleanup(s.close)
                for name in ('PLAIN', 'LOGIN', 'SCRAM-SHA-256'):
                    with self.subTest(password=servers.PASSWORD, by=name):
                        account = self.t.account(
                            s, password=servers.PASSWORD)
                        account['auth']['mechanism'] = name
                        if name == 'LOGIN' or \
                                servers.PASSWORD != 'b\u00fc\u20ac':
                            self.login_by(account)
            finally:
                servers.PASSWORD = kept

    def test_external(self):
        """The client certificate is the login."""
        s = self.start(servers.Dovecot(mechanisms='external plain', settings=(
            'ssl_ca = <%s\nssl_verify_client_cert = yes\n'
            'auth_ssl_username_from_cert = yes\n'
            'ssl_cert_username_field = commonName\n'
            'ssl_require_crl = no\n'
            'passdb {\n  driver = static\n  args = nopassword=y\n}\n'
            % servers.authority().ca_file)))
        folder = self.t.folder + '/client'
        os.mkdir(folder)
        ca = servers.authority()
        servers.openssl(
            'req', '-new', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=alice',
            '-keyout', folder + '/key.pem', '-out', folder + '/csr')
        servers.openssl(
            'x509', '-req', '-in', folder + '/csr', '-CA', ca.ca_file,
            '-CAkey', ca.folder + '/ca.key', '-set_serial', '77', '-days',
            '30', '-out', folder + '/cert.pem')
        account = self.t.account(s)
        account['auth'] = {'external': True}
        account['tls'].update(certificate_file=folder + '/cert.pem',
                              key_file=folder + '/key.pem')
        self.assertEqual(self.login_by(account), 'EXTERNAL')
        self.configure(a=account)
        self.expect(0, 'run')
        with open(folder + '/both.pem', 'w') as both:
            for name in ('/cert.pem', '/key.pem'):
                with open(folder + name) as f:
                    both.write(f.read())
        os.chmod(folder + '/both.pem', 0o600)
        account['tls'].update(certificate_file=folder + '/both.pem')
        del account['tls']['key_file']
        self.assertEqual(self.login_by(account), 'EXTERNAL')
        account['tls']['certificate_file'] = folder + '/none.pem'
        self.refused(tamis.BAD_CONFIG, account, 'none.pem')


class Tokens(Base):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot(tokens=True)
        cls.server.start()
        cls.addClassCleanup(cls.server.close)

    def account(self, script, server=None, **auth):
        path = self.t.write('bin/token', '#!/bin/sh\n' + script, 0o700)
        account = self.t.account(server or self.server)
        account['auth'] = dict({'token_command': [path]}, **auth)
        return account

    def test_a_token(self):
        by = self.login_by(self.account('echo good-alice'))
        self.assertIn(by, ('OAUTHBEARER', 'XOAUTH2'))
        self.works(self.server, self.account('echo good-alice'))

    def test_each_mechanism(self):
        for name in ('OAUTHBEARER', 'XOAUTH2'):
            self.assertEqual(self.login_by(self.account(
                'echo good-alice', mechanism=name)), name)

    def test_refused(self):
        p = self.start(faultproxy.Proxy(self.server))
        for name in ('OAUTHBEARER', 'XOAUTH2'):
            for token in ('stale-token', 'good-bob'):
                r = self.refused(tamis.REFUSED, self.account(
                    'echo ' + token, server=p, mechanism=name), 'alice')
                self.assertNotIn(token, r.out + r.err)
        self.assertEqual(p.errors, [])

    def test_a_server_that_takes_none(self):
        s = self.start(servers.Dovecot(mechanisms='plain'))
        p = self.start(faultproxy.Proxy(s))
        self.refused(tamis.REFUSED, self.account('echo good-alice',
                                                 server=p))
        # a token is no password: it does not go out as one
        self.assertNotIn('LOGIN', p.commands)
        self.assertNotIn('AUTHENTICATE', p.commands)

    def test_the_command_fails(self):
        self.refused(tamis.LATER, self.account('echo oh >&2; exit 3'),
                     'status 3', 'oh')
        self.refused(tamis.LATER, self.account('kill -9 $$'), 'signal')
        self.refused(tamis.BAD_CONFIG, self.account('exit 0'), 'empty')
        self.refused(tamis.LATER, self.account(
            'head -c 1000000 /dev/zero | tr "\\0" x'), 'too much')

    def test_it_is_asked_once_a_connection(self):
        account = self.account('echo x >> "$0.count"; echo good-alice')
        self.configure(a=account)
        self.expect(0, 'run')
        with open(self.t.config_dir + '/bin/token.count') as f:
            self.assertEqual(f.read(), 'x\n')

    def test_the_command_hangs(self):
        """It is given its time, and takes its children along."""
        self.t.config({'limits': {'command': '2s'}, 'accounts': {
            'a': self.account('echo $$ > "$0.pid"; sleep 1000 & '
                              'sleep 1000')}})
        began = time.monotonic()
        p = self.t.start('-v', 'run')
        out, err = p.communicate(timeout=110)
        self.assertEqual(p.returncode, tamis.LATER, err)
        self.assertGreater(time.monotonic() - began, 2)
        self.assertIn(b'the token command', err)
        with open(self.t.config_dir + '/bin/token.pid') as f:
            pid = int(f.read())
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)


class Plaintext(Base):
    """No secret goes out without TLS."""

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()
        cls.addClassCleanup(cls.server.close)

    def nothing_was_said(self, p):
        names = set(p.commands)
        self.assertFalse(names & {'LOGIN', 'AUTHENTICATE'}, names)
        for way, data in p.wire:
            if way == 'C':
                self.assertNotIn(servers.PASSWORD.encode(), data)
                self.assertNotIn(b'alice', data)

    def test_starttls_is_stripped(self):
        # to the proxy's plain port: what is behind it speaks of no STARTTLS
        p = self.start(faultproxy.Proxy(self.server, keep=True))
        self.refused(tamis.BAD_CONFIG, self.t.account(p, tls=False),
                     'STARTTLS')
        self.assertGreater(p.connections, 0)
        self.nothing_was_said(p)

    def test_starttls_is_refused(self):
        for action in ('no', 'bad', 'bye', 'cut'):
            p = self.start(faultproxy.Proxy(
                self.server.port, Fault(action, command='STARTTLS',
                                        times=9), keep=True))
            self.configure(a=dict(
                self.t.account(self.server),
                imap='imap://localhost:%d' % p.port))
            r = self.t.run('-v', 'run')
            self.sane(r)
            self.assertIn(r.status, (75, 78), r)
            self.assertGreater(p.fired, 0)
            self.nothing_was_said(p)

    def test_starttls(self):
        p = self.start(faultproxy.Proxy(self.server.port, keep=True))
        self.works(self.server, dict(
            self.t.account(self.server),
            imap='imap://localhost:%d' % p.port))
        self.assertIn('STARTTLS', p.commands)
        self.nothing_was_said(p)

    def test_what_is_said_before_tls_is_not_believed(self):
        """Injected behind the answer to STARTTLS (CVE-2011-0411 and its
        kin)."""
        p = self.start(Injecting(self.server.port))
        self.configure(a=dict(self.t.account(self.server),
                              imap='imap://localhost:%d' % p.port))
        r = self.t.run('-v', 'run')
        self.sane(r)
        self.assertNotIn('INJECTED', r.out + r.err)
        self.assertIn(r.status, (0, 75, 78), r)

    def test_plaintext_elsewhere(self):
        account = self.t.account(self.server, tls=False)
        account['tls'] = {'insecure_plaintext': True}
        account['imap'] = 'imap://imap.example.org'
        r = self.refused(tamis.BAD_CONFIG, account, 'insecure_plaintext')
        self.assertNotIn('trying again', r.err)

    def test_plaintext_here(self):
        account = self.t.account(self.server, tls=False)
        account['tls'] = {'insecure_plaintext': True}
        self.configure(a=account)
        r = self.expect(0, 'run')
        self.assertIn('insecure', r.err)


class Injecting(faultproxy.Proxy):
    def __init__(self, server):
        super().__init__(server)
        self.serve_plain = self.serve

    def serve(self, client, tls):
        with client:
            client.sendall(b'* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n')
            lines = client.makefile('rb')
            for line in lines:
                tag, _, rest = line.partition(b' ')
                if rest.upper().startswith(b'STARTTLS'):
                    client.sendall(
                        tag + b' OK go\r\n* CAPABILITY IMAP4rev1 INJECTED '
                        b'AUTH=PLAIN\r\n' + tag + b' OK INJECTED\r\n')
                    break
                client.sendall(b'* CAPABILITY IMAP4rev1 STARTTLS\r\n' + tag +
                               b' OK\r\n')
            while client.recv(65536):
                pass


class Through(Base):
    """A proxy between."""

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()
        cls.addClassCleanup(cls.server.close)

    def through(self, p, url=None, **more):
        return dict(self.t.account(self.server, **more), proxy=url or p.url)

    def test_socks5h(self):
        p = self.start(proxies.Socks5())
        self.works(self.server, self.through(p))
        self.assertEqual(p.asked, [('name', 'localhost',
                                    self.server.tls_port)])

    def test_socks5(self):
        """We look the name up ourselves."""
        p = self.start(proxies.Socks5())
        self.works(self.server, self.through(
            p, p.url.replace('socks5h', 'socks5')))
        (kind, host, port), = p.asked
        self.assertEqual((kind, port), ('address', self.server.tls_port))
        self.assertIn(host, ('127.0.0.1', '::1'))

    def test_http(self):
        p = self.start(proxies.Http())
        self.works(self.server, self.through(p))
        self.assertEqual(p.asked, [('name', 'localhost',
                                    self.server.tls_port)])
        self.works(self.server, self.through(p, tls=False))
        self.assertEqual(p.asked[1][2], self.server.port)

    def test_with_a_password(self):
        for kind in (proxies.Socks5, proxies.Http):
            p = self.start(kind(user='u', password='proxy-pw'))
            r = self.works(self.server, self.through(p))
            self.assertEqual(p.logins, [('u', 'proxy-pw')])
            self.assertNotIn('proxy-pw', r.out + r.err)
            r = self.refused(tamis.LATER, self.through(
                p, p.url.replace('proxy-pw', 'not-it')), 'proxy')
            self.assertNotIn('not-it', r.out + r.err)

    def test_it_refuses(self):
        for kind in (proxies.Socks5, proxies.Http):
            p = self.start(kind(refuse=True))
            self.refused(tamis.LATER, self.through(p), 'proxy')
            self.assertTrue(p.asked)

    def test_it_is_down(self):
        for scheme in ('socks5h', 'http'):
            self.refused(tamis.LATER, dict(
                self.t.account(self.server), proxy='%s://127.0.0.1:%d' % (
                    scheme, servers.free_port())))

    def test_the_certificate_is_the_servers(self):
        """A proxy cannot put itself in its place."""
        p = self.start(proxies.Socks5())
        account = self.through(p)
        account['imap'] = account['imap'].replace('localhost',
                                                  'imap.example.org')
        self.refused(tamis.BAD_CONFIG, account, 'certificate')
        self.assertEqual({host for _, host, _ in p.asked},
                         {'imap.example.org'})

    def test_the_environment_has_no_say(self):
        p = self.start(proxies.Socks5(refuse=True))
        other = self.start(proxies.Http())
        env = {name: p.url for name in (
            'all_proxy', 'ALL_PROXY', 'https_proxy', 'HTTPS_PROXY',
            'http_proxy', 'imaps_proxy', 'imap_proxy')}
        self.works(self.server, self.t.account(self.server), env=env)
        self.assertEqual(p.asked, [])
        self.works(self.server, self.through(other),
                   env={'no_proxy': '*', 'NO_PROXY': 'localhost'})
        self.assertEqual(len(other.asked), 1)


class Compressed(Base):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()
        cls.addClassCleanup(cls.server.close)

    def test_on(self):
        p = self.start(faultproxy.Proxy(self.server, keep=True))
        self.works(self.server, self.t.account(p, compress='on'))
        self.assertIn('COMPRESS', p.commands)
        # nothing of IMAP is seen behind it
        self.assertEqual(p.commands[-1], 'COMPRESS')
        at = max(n for n, (way, data) in enumerate(p.wire)
                 if way == 'C' and b'COMPRESS' in data)
        sent = b''.join(d for way, d in p.wire[at + 1:] if way == 'C')
        plain = zlib.decompressobj(-15).decompress(sent)
        self.assertIn(b'UID STORE', plain)

    def test_off(self):
        p = self.start(faultproxy.Proxy(self.server))
        for account in (self.t.account(p, compress='off'),
                        self.t.account(p)):	# auto: this machine
            self.works(self.server, account)
        self.assertNotIn('COMPRESS', p.commands)

    def test_refused(self):
        """It goes on without."""
        for action in ('no', 'bad'):
            p = self.start(faultproxy.Proxy(self.server, Fault(
                action, command='COMPRESS')))
            self.works(self.server, self.t.account(p, compress='on'))
            self.assertEqual(p.fired, 1)

    def test_not_offered(self):
        s = self.start(servers.Dovecot(capability=servers.BARE))
        p = self.start(faultproxy.Proxy(s))
        self.works(s, self.t.account(p, compress='on'))
        self.assertNotIn('COMPRESS', p.commands)

    def test_much(self):
        """Larger than any window or buffer, both ways."""
        p = self.start(faultproxy.Proxy(self.server))
        bodies = [os.urandom(30000).hex() for _ in range(20)]
        self.server.create('alice', 'Big')
        self.server.append('alice', 'Big', [
            message(n, body='\r\n'.join(
                b[i:i + 76] for i in range(0, len(b), 76)) + '\r\nlast\r\n')
            for n, b in enumerate(bodies)])
        self.t.rules('rules: [{name: b, when: {body: last}, '
                     'then: [{mark: starred}]}]')
        self.configure(a=self.t.account(p, compress='on', mailboxes=['Big']))
        self.expect(0, 'run', '--all')
        self.assertEqual({m.flags for m in self.server.dump('alice', 'Big')},
                         {STAR})
        self.assertGreater(p.to_client, 20 * 30000)

    def test_on_cyrus(self):
        s = self.start(servers.Cyrus())
        p = self.start(faultproxy.Proxy(s))
        self.works(s, self.t.account(p, compress='on'))
        self.assertEqual(p.commands[-1], 'COMPRESS')


del Base


if __name__ == '__main__':
    tap.main()
