#!/usr/bin/env python3
"""OAuth 2.0: consent, its tokens, and what goes wrong with each."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest
import urllib.parse

import authserver
import gmail
import servers
import tamis
import tap

MAIL = b'From: a@example.org\r\nSubject: x\r\nMessage-ID: <1@e>\r\n\r\nx\r\n'


class Asking:
    """`tamis auth` while it waits for somebody."""

    def __init__(self, t, *args, stdin=subprocess.PIPE):
        self.p = subprocess.Popen(
            t.argv(args), env=t.env, cwd=t.folder, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out = ''

    def until(self, key):
        """The value of the fact KEY, as soon as it is there."""
        while True:
            line = self.p.stdout.readline().decode()
            if not line:
                raise AssertionError('no %s: %r %r' % (
                    key, self.out, self.p.stderr.read()))
            self.out += line
            m = re.match(r'\w+: %s: (.*)$' % key, line)
            if m:
                return m.group(1)

    def paste(self, line):
        self.p.stdin.write(line.encode() + b'\n')
        self.p.stdin.flush()

    def end(self):
        out, err = self.p.communicate(timeout=60)
        return tamis.Result(['auth'], self.p.returncode,
                            self.out + out.decode(), err.decode())

    def kill(self):
        self.p.kill()
        self.p.communicate()


class Base(unittest.TestCase):
    options = {}	# of the authorisation server

    @classmethod
    def setUpClass(cls):
        cls.imap = gmail.Server().start()
        cls.addClassCleanup(cls.imap.close)

    def setUp(self):
        self.t = tamis.Tamis()
        self.t.rules('rules: [{name: x, when: {subject: x},'
                     ' then: [{label: seen}]}]')
        self.auth = self.enterContext(authserver.Server(**self.options))
        self.imap.control.reset()
        self.imap.owner = self.auth.owner
        self.configure()

    def enterContext(self, cm):		# as in Python 3.11
        value = cm.__enter__()
        self.addCleanup(cm.__exit__, None, None, None)
        return value

    def until(self, so):
        end = time.monotonic() + 30
        while not so():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def configure(self, server=None, limits=None, timeout='10s', **auth):
        account = self.t.account(server or self.imap, timeout=timeout)
        account['auth'] = self.auth.client_config(self.t, **auth)
        self.t.config({'accounts': {'a': account}, 'limits': limits or {}})

    def ask(self, *args, **more):
        asking = Asking(self.t, 'auth', 'a', *args, **more)
        self.addCleanup(asking.kill)
        return asking

    def consent(self):
        """As a person would; what is stored afterwards is good."""
        asking = self.ask()
        status, _ = self.auth.browse(asking.until('open'))
        self.assertEqual(status, 200)
        r = asking.end()
        self.assertEqual(r.status, 0, r)
        self.clean(r)
        return r

    def clean(self, r):
        """No secret in what it says: each has a word in it."""
        self.assertNotIn('-hush-', r.out + r.err)
        self.assertNotIn(authserver.SECRET, r.out + r.err)

    def expect(self, status, *args, said='', **more):
        r = self.t.run(*args, **more)
        self.assertEqual(r.status, status, r)
        self.assertIn(said, r.err + r.out)
        self.clean(r)
        return r

    @property
    def path(self):
        return self.t.state_dir + '/a/token'

    def kept(self):
        with open(self.path) as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[0], 'tamis token 1')
        return dict(line.split(' ', 1) for line in lines[1:])

    def rewrite(self, **changes):
        text = 'tamis token 1\n' + ''.join(
            '%s %s\n' % i for i in dict(self.kept(), **changes).items())
        with open(self.path, 'w') as f:
            f.write(text)

    def grants(self):
        return [f['grant_type'] for f in self.auth.forms
                if 'grant_type' in f]


class Redirect(Base):
    def test_whole(self):
        """From the address to mail that is filtered."""
        self.expect(tamis.REFUSED, 'run', said='run tamis auth a')
        r = self.consent()
        self.assertIn('a: result: the token is stored', r.out)
        self.imap.control.load([{'raw': MAIL}])
        r = self.expect(0, '-vv', 'run', '--all')
        self.assertIn('1 judged, 1 changed', r.out)
        self.expect(0, 'doctor', said='login by OAUTHBEARER')
        # one question only: the token is good for an hour
        self.assertEqual(self.grants(), ['authorization_code'])
        mode = os.stat(self.path).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        kept = self.kept()
        self.assertEqual(self.auth.owner(kept['access']), 'alice')
        self.assertEqual(sorted(os.listdir(self.t.state_dir + '/a')),
                         ['lock', 'state.db', 'token', 'token.lock'])

    def test_each_mechanism(self):
        self.consent()
        for name in ('XOAUTH2', 'OAUTHBEARER'):
            self.configure(mechanism=name)
            self.expect(0, 'doctor', said='login by ' + name)

    def test_address(self):
        asking = self.ask()
        url = urllib.parse.urlsplit(asking.until('open'))
        q = dict(urllib.parse.parse_qsl(url.query))
        self.assertEqual(q['v'], '2')	# the endpoint's own
        self.assertEqual(q['client_id'], authserver.CLIENT)
        self.assertEqual(q['scope'], authserver.SCOPE)
        self.assertEqual(q['login_hint'], 'alice')
        self.assertRegex(q['redirect_uri'], r'^http://127\.0\.0\.1:\d+$')
        self.assertNotIn('client_secret', q)
        again = self.ask()
        q2 = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(
            again.until('open')).query))
        for chance in ('state', 'code_challenge'):
            self.assertNotEqual(q[chance], q2[chance])

    def test_page(self):
        asking = self.ask()
        status, page = self.auth.browse(asking.until('open'))
        self.assertEqual(status, 200)
        self.assertIn('You may close this window', page)
        self.assertNotIn('code', page)
        self.assertEqual(asking.end().status, 0)

    def test_pasted(self):
        """The browser is on another machine."""
        asking = self.ask()
        back = self.auth.agree(asking.until('open'))
        asking.paste('')
        asking.paste('what?')
        asking.paste('  %s ' % back)
        r = asking.end()
        self.assertEqual(r.status, 0, r)
        self.assertIn('this is no answer', r.err)
        self.clean(r)
        self.expect(0, 'run')

    def test_pasted_without_line_end(self):
        asking = self.ask()
        back = self.auth.agree(asking.until('open'))
        asking.p.stdin.write(back.partition('?')[1].encode() +
                             back.partition('?')[2].encode())
        asking.p.stdin.close()
        asking.p.stdin = None
        self.assertEqual(asking.end().status, 0)

    def test_no_terminal(self):
        """The end of standard input is no answer."""
        asking = self.ask(stdin=subprocess.DEVNULL)
        self.auth.browse(asking.until('open'))
        self.assertEqual(asking.end().status, 0)

    def test_denied(self):
        asking = self.ask()
        page = self.auth.look(asking.until('open'))
        status, said = authserver.go(page['no'])
        self.assertEqual(status, 400)
        self.assertIn('No consent', said)
        r = asking.end()
        self.assertEqual(r.status, tamis.REFUSED, r)
        self.assertIn('the consent was denied', r.err)
        self.assertIn(authserver.DESCRIPTION, r.err)
        self.assertFalse(os.path.exists(self.path))

    def test_wrong_state(self):
        """Anybody may connect; only the answer to this request counts."""
        asking = self.ask()
        address = asking.until('open')
        back = self.auth.agree(address)
        for wrong in (re.sub('state=.', 'state=', back),
                      back + '&state=other',
                      back.partition('&state=')[0], back + '&code=2',
                      re.sub('state=[^&]*', 'state=', back)):
            status, page = authserver.go(wrong)
            self.assertEqual(status, 400, wrong)
        self.assertEqual(self.grants(), [])
        self.assertEqual(authserver.go(back)[0], 200)
        r = asking.end()
        self.assertEqual(r.status, 0, r)

    def test_wrong_verifier(self):
        """Somebody else's code does not go with our verifier."""
        one, two = self.ask(), self.ask()
        address = one.until('open')
        mine = self.auth.agree(address)
        theirs = self.auth.agree(two.until('open'))
        code = re.search('code=([^&]*)', theirs).group(1)
        status, page = authserver.go(re.sub('code=[^&]*', 'code=' + code,
                                            mine))
        self.assertEqual(status, 400)
        r = one.end()
        self.assertEqual(r.status, tamis.REFUSED, r)
        self.assertIn('invalid_grant', r.err)
        self.clean(r)

    def test_odd_guests(self):
        """Connections that say nothing, too much or nonsense."""
        asking = self.ask()
        address = asking.until('open')
        port = urllib.parse.urlsplit(dict(urllib.parse.parse_qsl(
            urllib.parse.urlsplit(address).query))['redirect_uri']).port
        silent = [socket.create_connection(('127.0.0.1', port))
                  for _ in range(20)]
        for said, status in ((b'GET /favicon.ico HTTP/1.1\r\n\r\n', b'404'),
                             (b'POST /?code=1 HTTP/1.1\r\n\r\n', b'400'),
                             (b'\x16\x03\x01\r\n\r\n', b'400'),
                             (b'GET /?x HTTP/1.1\r\n\r\n', b'400'),
                             (b'GET /' + b'x' * 20000, b'431')):
            with socket.create_connection(('127.0.0.1', port)) as s:
                s.settimeout(20)
                with contextlib.suppress(OSError):
                    s.sendall(said)
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(s.recv(12), b'HTTP/1.1 ' + status)
        # a request that comes in pieces, beside the silent ones
        back = urllib.parse.urlsplit(self.auth.agree(address))
        with socket.create_connection(('127.0.0.1', port)) as s:
            s.settimeout(20)
            for piece in ('GET /?' + back.query[:20],
                          back.query[20:] + ' HTTP/1.1\r\n', '\r\n'):
                s.sendall(piece.encode())
                silent.append(socket.create_connection(('127.0.0.1',
                                                        port)))
                time.sleep(0.05)	# so that it is taken before
            self.assertEqual(s.recv(12), b'HTTP/1.1 200')
        for s in silent:
            s.close()
        self.assertEqual(asking.end().status, 0)

    def test_only_this_machine(self):
        asking = self.ask()
        address = asking.until('open')
        port = urllib.parse.urlsplit(dict(urllib.parse.parse_qsl(
            urllib.parse.urlsplit(address).query))['redirect_uri']).port
        listening = []
        for name in ('tcp', 'tcp6'):
            with open('/proc/net/' + name) as f:
                listening += [line.split()[1] for line in f
                              if line.split()[3] == '0A']
        self.assertEqual([a for a in listening
                          if a.endswith(':%04X' % port)],
                         ['0100007F:%04X' % port])

    def test_time_out(self):
        self.configure(limits={'consent': '1s'})
        asking = self.ask()
        asking.until('open')
        r = asking.end()
        self.assertEqual(r.status, tamis.LATER, r)
        self.assertIn('nobody came back', r.err)

    def test_json(self):
        asking = self.ask('--json')
        line = json.loads(asking.p.stdout.readline())
        self.assertEqual((line['type'], line['account'], line['key']),
                         ('fact', 'a', 'open'))
        self.auth.browse(line['value'])
        r = asking.end()
        self.assertEqual(r.status, 0, r)
        self.assertEqual(r.json()[0]['key'], 'result')

    def test_less_than_asked(self):
        self.auth.grants = 'openid'
        r = self.consent()
        self.assertIn('has not granted: https://mail.example/ offline',
                      r.err)

    def test_nothing_to_refresh_with(self):
        self.auth.gives_refresh = False
        r = self.consent()
        self.assertIn('gave no token to refresh', r.out)
        self.expect(0, 'run')
        self.rewrite(expires=1)
        self.expect(tamis.REFUSED, 'run', said='run tamis auth a')

    def test_again(self):
        """A new consent takes the place of the old one."""
        self.consent()
        before = self.kept()
        self.auth.revoke('alice')
        self.expect(tamis.REFUSED, 'run')
        self.consent()
        self.assertNotEqual(self.kept()['refresh'], before['refresh'])
        self.expect(0, 'run')

    def test_wrong_use(self):
        self.expect(tamis.USAGE, 'auth')
        self.expect(tamis.USAGE, 'auth', 'b', said='no account "b"')
        account = self.t.account(self.imap)
        self.t.config({'accounts': {'a': account}})
        self.expect(tamis.USAGE, 'auth', 'a', said='oauth2')


class Refresh(Base):
    def setUp(self):
        super().setUp()
        self.consent()
        self.auth.forms.clear()

    def test_expired(self):
        before = self.kept()
        self.rewrite(expires=1)
        self.expect(0, 'run')
        after = self.kept()
        self.assertNotEqual(before['access'], after['access'])
        self.assertNotEqual(before['refresh'], after['refresh'])
        self.assertEqual(self.auth.forms, [{
            'path': '/token', 'grant_type': 'refresh_token',
            'refresh_token': before['refresh'],
            'client_id': authserver.CLIENT,
            'client_secret': authserver.SECRET}])
        self.expect(0, 'run')
        self.assertEqual(len(self.auth.forms), 1)

    def test_no_rotation(self):
        """A refresh token that is not given anew stays."""
        self.auth.rotate = False
        before = self.kept()['refresh']
        for _ in range(2):
            self.rewrite(expires=1)
            self.expect(0, 'run')
            self.assertEqual(self.kept()['refresh'], before)
        self.assertEqual(self.grants(), ['refresh_token'] * 2)

    def test_refused_by_the_mail_server(self):
        """An access token that ended before its time: once more."""
        for name in ('XOAUTH2', 'OAUTHBEARER'):
            self.configure(mechanism=name)
            self.auth.forms.clear()
            self.auth.expire()
            r = self.expect(0, '-v', 'run')
            self.assertIn('trying with a new one', r.err)
            self.assertEqual(self.grants(), ['refresh_token'])

    def test_refused_for_good(self):
        """The mail server takes no token: one refresh, not one a try."""
        self.imap.owner = lambda token: None
        r = self.expect(tamis.REFUSED, 'run')
        self.assertIn('give consent as that user', r.err)
        self.assertEqual(self.grants(), ['refresh_token'])

    def test_no_life_said(self):
        self.auth.says_life = False
        self.consent()
        self.assertEqual(self.kept()['expires'], '0')
        self.auth.forms.clear()
        self.expect(0, 'run')
        self.assertEqual(self.grants(), [])
        self.auth.expire()
        self.expect(0, 'run')
        self.assertEqual(self.grants(), ['refresh_token'])

    def test_dry_run_stores_it(self):
        """Else the rotated token would be lost."""
        self.expect(0, 'run')
        before = self.kept()['refresh']
        self.rewrite(expires=1)
        self.expect(0, 'run', '--dry-run')
        after = self.kept()
        self.assertNotEqual(after['refresh'], before)
        self.rewrite(expires=1)
        self.expect(0, 'run', '--dry-run')

    def test_withdrawn(self):
        before = self.kept()
        self.auth.revoke('alice')
        r = self.expect(tamis.REFUSED, 'run')
        self.assertIn('consent was withdrawn or has expired: '
                      'run tamis auth a', r.err)
        self.assertIn(authserver.DESCRIPTION, r.err)
        self.assertEqual(self.kept(), before)
        r = self.expect(tamis.REFUSED, 'doctor')
        self.assertIn('consent was withdrawn', r.out)

    def test_stolen(self):
        """An old refresh token is used again: all of it is revoked."""
        stolen = self.kept()['refresh']
        self.rewrite(expires=1)
        self.expect(0, 'run')
        mine = self.kept()['refresh']
        self.rewrite(expires=1, refresh=stolen)
        self.expect(tamis.REFUSED, 'run')
        self.rewrite(refresh=mine)
        self.expect(tamis.REFUSED, 'run', said='tamis auth a')

    def test_wrong_client(self):
        self.t.write('client-secret', 'other\n')
        self.rewrite(expires=1)
        r = self.expect(tamis.BAD_CONFIG, 'run')
        self.assertIn('check `auth.client_id` and '
                      '`auth.client_secret_file`', r.err)

    def test_client_secret_file(self):
        self.rewrite(expires=1)
        path = self.t.write('client-secret', authserver.SECRET, 0o640)
        self.expect(tamis.BAD_CONFIG, 'run', said='chmod 600 ' + path)
        self.t.write('client-secret', '\n')
        self.expect(tamis.BAD_CONFIG, 'run', said='is empty')
        os.unlink(path)
        self.expect(tamis.BAD_CONFIG, 'run', said=path)
        self.assertEqual(self.grants(), [])

    def test_another_client(self):
        """A consent is for one client, user and scope."""
        for change in ({'client_id': 'other'}, {'scope': 'mail'},
                       {'token_endpoint': self.auth.address('/t2')}):
            self.configure(**change)
            self.expect(tamis.REFUSED, 'run', said='another client')
        self.assertEqual(self.grants(), [])

    def test_two_at_once(self):
        """One of them refreshes, the other uses what came."""
        self.rewrite(expires=1)
        results = []

        def one():
            results.append(self.t.run('doctor'))
        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([r.status for r in results], [0] * 4, results)
        self.assertEqual(self.grants(), ['refresh_token'])

    def test_lock_is_held(self):
        self.configure(timeout='1s')
        self.rewrite(expires=1)
        with open(self.t.state_dir + '/a/token.lock') as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            r = self.t.run('-v', 'run')
        self.assertEqual(r.status, tamis.LATER, r)
        self.assertIn('token.lock', r.err)
        self.assertEqual(self.grants(), [])

    def test_cannot_be_stored(self):
        """Found before the refresh token is spent."""
        user = self.t.ordinary_user()
        self.rewrite(expires=1)
        os.chmod(self.t.state_dir + '/a', 0o500)
        r = self.t.run('doctor', wrap=user)
        self.assertEqual(r.status, tamis.STATE, r)
        self.assertEqual(self.grants(), [])
        os.chmod(self.t.state_dir + '/a', 0o700)
        r = self.t.run('doctor', wrap=user)
        self.assertEqual(r.status, 0, r)

    def test_full_disk(self):
        """A limit of the size of files is as a full disk to it."""
        self.rewrite(expires=1)
        r = self.t.run('doctor', wrap=[
            'sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh', 'prlimit',
            '--fsize=4096'])
        self.assertEqual(r.status, tamis.STATE, r)
        self.assertIn('token.new', r.out)
        self.assertEqual(self.grants(), [])
        self.expect(0, 'doctor')
        self.assertNotIn('token.new', os.listdir(self.t.state_dir + '/a'))

    def test_killed_while_it_waits(self):
        """Nothing is lost: the provider has not answered."""
        self.rewrite(expires=1)
        self.auth.answers.append(3)
        p = self.t.start('doctor')
        self.until(lambda: self.auth.forms)
        p.send_signal(signal.SIGKILL)
        p.communicate()
        self.expect(0, 'doctor')

    def test_file(self):
        """What others could have written or read is not believed."""
        os.chmod(self.path, 0o644)
        self.expect(tamis.BAD_CONFIG, 'run', said='chmod 600')
        os.chmod(self.path, 0o600)
        with open(self.path, 'w') as f:
            f.write('tamis token 2\naccess x\n')
        self.expect(tamis.STATE, 'run', said='run tamis auth a')
        with open(self.path, 'w') as f:
            f.write('tamis token 1\n' + 'x' * 100000)
        self.expect(tamis.BAD_CONFIG, 'run', said='too long')
        with open(self.path, 'w'):
            pass
        self.expect(tamis.STATE, 'run')
        os.unlink(self.path)
        self.expect(tamis.REFUSED, 'run', said='there is no consent yet')


JSON = {'Content-Type': 'application/json'}
HTML = '<!doctype html><title>Sign in</title>' + 'x' * 3000


class Trouble(Base):
    """What a provider may answer to a refresh, and what comes of it."""

    def setUp(self):
        super().setUp()
        self.configure(timeout='2s')
        self.consent()
        self.rewrite(expires=1)
        self.before = self.kept()

    def answers(self, status, *answers, said=''):
        self.auth.forms.clear()
        self.auth.answers = list(answers)
        r = self.expect(status, 'doctor', said=said)
        self.assertEqual(self.kept(), self.before)
        self.auth.answers = []
        return r

    def test_errors(self):
        for error, http, status, said in (
                ('invalid_grant', 400, tamis.REFUSED, 'tamis auth a'),
                ('invalid_client', 401, tamis.BAD_CONFIG, 'client_id'),
                ('unauthorized_client', 400, tamis.BAD_CONFIG, 'client_id'),
                ('invalid_scope', 400, tamis.BAD_CONFIG, 'auth.scope'),
                ('interaction_required', 400, tamis.REFUSED, 'browser'),
                ('whatever', 400, tamis.REFUSED, 'whatever'),
                ('a\x1b[31m', 400, tamis.REFUSED, 'a\\x1B[31m')):
            with self.subTest(error=error):
                self.answers(status, (http, JSON, json.dumps(
                    {'error': error, 'error_description': 'why\n\x07'})),
                    said=said)

    def test_not_oauth(self):
        for answer, status in (
                ((200, {}, HTML), tamis.LATER),
                ((404, {}, HTML), tamis.BAD_CONFIG),
                ((400, {}, HTML), tamis.LATER),
                ((302, {'Location': self.auth.address('/else')}, ''),
                 tamis.BAD_CONFIG),
                ((200, JSON, ''), tamis.LATER)):
            with self.subTest(answer=answer[0]):
                r = self.answers(status, answer, said='OAuth 2.0')
                self.assertNotIn('x' * 500, r.out + r.err)
        self.assertNotIn('/else', [f['path'] for f in self.auth.forms])

    def test_bad_json(self):
        good = {'access_token': 'x', 'token_type': 'Bearer',
                'expires_in': 3600}
        for body in ('{', '[]', 'null', '"x"', '{}', '[' * 5000,
                     json.dumps(good)[:-1], json.dumps(good) + 'x',
                     '{"access_token":"a","access_token":"b"}',
                     b'{"access_token": "\xff"}',
                     json.dumps(dict(good, access_token='')),
                     json.dumps(dict(good, access_token=7)),
                     json.dumps(dict(good, access_token='a b')),
                     json.dumps(dict(good, access_token='a\1b')),
                     json.dumps(dict(good, access_token='a\r\nb')),
                     json.dumps(dict(good, access_token='\0')),
                     json.dumps(dict(good, access_token='x' * 20000)),
                     json.dumps(dict(good, refresh_token='a\nb'))):
            with self.subTest(body=body[:60]):
                self.auth.answers = [(200, JSON, body)]
                r = self.t.run('doctor')
                self.assertEqual(r.status, tamis.LATER, r)
                self.assertEqual(self.kept(), self.before)

    def test_wrong_type(self):
        self.answers(tamis.BAD_CONFIG, (200, JSON, json.dumps(
            {'access_token': 'x', 'token_type': 'mac'})), said='bearer')

    def test_huge(self):
        self.answers(tamis.LATER, (200, JSON, '{"access_token": "%s"}' % (
            'x' * 10000000)), said='too long')

    def test_down(self):
        for status in (500, 502, 503, 429):
            with self.subTest(status=status):
                self.answers(tamis.LATER, (status, {}, HTML),
                             said='try later')
        self.answers(tamis.LATER, (503, JSON, json.dumps(
            {'error': 'temporarily_unavailable'})), said='try later')

    def test_slow(self):
        self.answers(tamis.LATER, 4, said='in time')

    def test_hangs_up(self):
        self.answers(tamis.LATER, 0)

    def test_nobody_there(self):
        # not before its thread waits no more at the port
        self.auth.http.shutdown()
        self.auth.http.server_close()
        self.rewrite()
        r = self.t.run('doctor')
        self.assertEqual(r.status, tamis.LATER, r)
        self.assertIn('nothing answers', r.out)

    def test_lasts(self):
        """Numbers as they come."""
        for said, want in (('"3600"', 3600), ('3600.7', 3600), ('-5', None),
                           ('0', None), ('1e300', 400 * 86400),
                           ('99999999999999', 400 * 86400),
                           ('"soon"', None), ('null', None)):
            with self.subTest(said=said):
                self.rewrite(expires=1)
                self.auth.answers = [(200, JSON,
                                      '{"access_token": "good-hush-1",'
                                      '"expires_in": %s}' % said)]
                self.imap.owner = lambda token: 'alice'
                self.expect(0, 'doctor')
                got = int(self.kept()['expires'])
                if want is None:
                    self.assertEqual(got, 0)
                else:
                    self.assertAlmostEqual(got, time.time() + want, delta=20)


class Device(Base):
    def test_whole(self):
        asking = self.ask('--device')
        self.assertEqual(asking.until('open'), self.auth.address('/enter'))
        code = asking.until('code')
        self.assertTrue(asking.until('or open').endswith(code))
        d = self.auth.enter(code)
        r = asking.end()
        self.assertEqual(r.status, 0, r)
        self.assertEqual(len(d['polls']), 1)
        self.clean(r)
        self.expect(0, 'run')
        self.rewrite(expires=1)
        self.expect(0, 'run')

    def test_pending_and_slow_down(self):
        asking = self.ask('--device')
        code = asking.until('code')
        d = next(iter(self.auth.devices.values()))
        self.until(lambda: d['polls'])		# pending, at first
        self.auth.enter(code, slow=1)
        r = asking.end()
        self.assertEqual(r.status, 0, r)
        self.assertEqual(len(d['polls']), 3)
        self.assertGreater(d['polls'][2], 5.9)

    def test_denied(self):
        asking = self.ask('--device')
        self.auth.enter(asking.until('code'), user=None)
        r = asking.end()
        self.assertEqual(r.status, tamis.REFUSED, r)
        self.assertIn('the consent was denied', r.err)
        self.assertFalse(os.path.exists(self.path))

    def test_nobody_enters_it(self):
        self.auth.device_life = 2
        asking = self.ask('--device')
        asking.until('code')
        r = asking.end()
        self.assertEqual(r.status, tamis.REFUSED, r)
        self.assertIn('nobody gave consent in time', r.err)

    def test_trouble_on_the_way(self):
        """RFC 8628 section 3.5: it goes on, slower."""
        asking = self.ask('--device')
        code = asking.until('code')
        self.auth.answers = [(503, {}, 'wait')]
        self.until(lambda: not self.auth.answers)
        d = self.auth.enter(code)
        r = asking.end()
        self.assertEqual(r.status, 0, r)
        self.assertGreater(d['polls'][-1], 1.9)

    def test_bad_answers(self):
        good = {'device_code': 'x', 'user_code': 'A',
                'verification_uri': 'https://x.example/', 'expires_in': 9}
        for change in ({'device_code': 'a b'}, {'user_code': ''},
                       {'user_code': 'x' * 1000}, {'verification_uri': ''},
                       {'verification_uri': 'http://x.example/'},
                       {'verification_uri': 'javascript:alert(1)'}):
            with self.subTest(change=change):
                self.auth.answers = [(200, JSON, json.dumps(
                    dict(good, **change)))]
                r = self.expect(tamis.LATER, 'auth', 'a', '--device')
                self.assertEqual(r.out, '')
        for answer, status in (((404, {}, HTML), tamis.BAD_CONFIG),
                               ((500, {}, HTML), tamis.LATER),
                               ((400, JSON, '{"error": "invalid_client"}'),
                                tamis.BAD_CONFIG)):
            self.auth.answers = [answer]
            self.expect(status, 'auth', 'a', '--device')

    def test_none(self):
        self.configure(device_authorization_endpoint=None)
        self.expect(tamis.USAGE, 'auth', 'a', '--device',
                    said='device_authorization_endpoint')
        self.configure(oauth2='google', device_authorization_endpoint=None)
        self.expect(tamis.USAGE, 'auth', 'a', '--device',
                    said='Google does not allow')


class PublicClient(Base):
    """A client without a secret, as Microsoft has them."""
    options = {'secret': None, 'redirect': 'http://localhost'}

    def configure(self, **more):
        super().configure(**dict({'oauth2': 'microsoft'}, **more))

    def test_whole(self):
        self.consent()
        self.rewrite(expires=1)
        self.expect(0, 'run')
        self.assertNotIn('client_secret', self.auth.forms[-1])


class Tls(Base):
    options = {'tls': True}

    def test_whole(self):
        self.consent()
        self.rewrite(expires=1)
        self.expect(0, 'run')

    def test_unknown_authority(self):
        self.consent()
        self.rewrite(expires=1)
        self.auth.forms.clear()
        self.configure(ca_file=None)
        self.expect(tamis.BAD_CONFIG, 'run', said='certificate')
        self.assertEqual(self.auth.forms, [])

    def test_another_name(self):
        """A good certificate, of somebody else."""
        self.consent()
        self.rewrite(expires=1)
        other = self.enterContext(authserver.Server(
            tls=True, names='DNS:mail.example'))
        self.auth.port = other.port	# the config leads there
        self.configure()
        self.rewrite(client=self.client_at(other))
        self.expect(tamis.BAD_CONFIG, 'run', said='certificate')
        self.assertEqual(other.forms, [])

    def client_at(self, server):
        """As token.c says whose a consent is."""
        return hashlib.sha256(('%s\n%s\n%s\n%s\n' % (
            server.address('/token'), authserver.CLIENT, 'alice',
            authserver.SCOPE)).encode()).hexdigest()


class OnDovecot(unittest.TestCase):
    """A server that asks the provider about each token."""

    def test_whole(self):
        t = tamis.Tamis()
        t.rules('rules: [{name: x, when: {subject: x}, then: [archive]}]')
        with authserver.Server() as auth, \
                servers.Dovecot(tokens=auth.owner) as s:
            account = t.account(s)
            account['auth'] = auth.client_config(t)
            t.config({'accounts': {'a': account}})
            asking = Asking(t, 'auth', 'a')
            auth.browse(asking.until('open'))
            self.assertEqual(asking.end().status, 0)
            s.append('alice', 'INBOX', MAIL)
            r = t.run('run', '--all')
            self.assertEqual(r.status, 0, r)
            self.assertIn('1 judged, 1 changed', r.out)
            auth.expire()
            r = t.run('-v', 'run')
            self.assertEqual(r.status, 0, r)
            self.assertIn('trying with a new one', r.err)
            auth.revoke('alice')
            r = t.run('run')
            self.assertEqual(r.status, tamis.REFUSED, r)
            self.assertIn('consent was withdrawn', r.err)


if __name__ == '__main__':
    tap.main()
