#!/usr/bin/env python3
"""tamis init: from nothing to a config that works."""

import os
import pty
import select
import signal
import stat
import subprocess
import termios
import time
import unittest

import gmail
import servers
import tamis
import tap

SECRET = servers.PASSWORD = 'qx7-hush-0815'


class Terminal:
    """The program as somebody sees it who sits before it."""

    def __init__(self, t, *args):
        self.master, slave = pty.openpty()
        self.p = subprocess.Popen(
            t.argv(args), env=t.env, cwd=t.folder, stdin=slave,
            stdout=subprocess.PIPE, stderr=slave, start_new_session=True,
            # whoever runs the tests may ignore it
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        os.close(slave)
        self.seen = ''

    def until(self, text):
        """Waits for a question; what came with it."""
        end = time.monotonic() + 30
        while text not in self.seen:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError('no "%s" in %r' % (text, self.seen))
            try:
                got = os.read(self.master, 4096)
            except OSError:
                got = b''
            if not got:
                raise AssertionError('no "%s" in %r' % (text, self.seen))
            self.seen += got.decode()
        seen, self.seen = self.seen, ''
        return seen

    def answer(self, question, text=''):
        seen = self.until(question)
        os.write(self.master, text.encode() + b'\n')
        return seen

    def shows(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def hides(self):
        """Waits until it does."""
        end = time.monotonic() + 30
        while self.shows():
            if time.monotonic() > end:
                raise AssertionError('what is typed is shown')
            time.sleep(0.01)

    def end(self):
        out = self.p.stdout.read().decode()
        self.p.wait(timeout=60)
        self.p.stdout.close()
        rest = b''
        try:
            while select.select([self.master], [], [], 0)[0]:
                rest += os.read(self.master, 4096)
        except OSError:
            pass
        os.close(self.master)
        return tamis.Result(['init'], self.p.returncode, out,
                            self.seen + rest.decode())


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.imap = gmail.Server().start()
        cls.addClassCleanup(cls.imap.close)

    def setUp(self):
        self.t = tamis.Tamis()
        os.rmdir(self.t.config_dir)

    @property
    def url(self):
        return 'imaps://localhost:%d' % self.imap.tls_port

    def path(self, name='config.yaml'):
        return os.path.join(self.t.config_dir, name)

    def read(self, name='config.yaml'):
        with open(self.path(name)) as f:
            return f.read()

    def files(self):
        if not os.path.isdir(self.t.config_dir):
            return []
        return sorted(os.listdir(self.t.config_dir))

    def init(self, status, *args, said='', **more):
        r = self.t.run('init', *args, **more)
        self.assertEqual(r.status, status, r)
        self.assertIn(said, r.out + r.err)
        return r

    def password_file(self):
        path = self.t.folder + '/pw'
        with open(path, 'w') as f:
            f.write(SECRET + '\n')
        os.chmod(path, 0o600)
        return path

    def works(self):
        """What was written is right, and its tests pass."""
        r = self.t.run('check', '--strict')
        self.assertEqual((r.status, r.err), (0, ''), r)
        r = self.t.run('test')
        self.assertEqual(r.status, 0, r)
        self.assertIn('2 passed, 0 failed\n', r.out)
        for name in self.files():
            self.assertEqual(stat.S_IMODE(os.stat(
                self.path(name)).st_mode), 0o600, name)
        self.assertEqual(stat.S_IMODE(os.stat(
            self.t.config_dir).st_mode), 0o700)


class Options(Base):
    def test_server(self):
        self.init(0, '--non-interactive', '--no-connect', '--user',
                  'a"\\ü', '--imap', self.url, '--password-file', 'pw',
                  '-a', 'x.1', said='tamis run --dry-run --all')
        self.assertEqual(self.files(), ['config.yaml', 'rules.yaml'])
        self.works()
        self.assertIn('"a\\"\\\\ü"', self.read())
        self.assertIn('"%s/pw"' % self.t.folder, self.read())

    def test_password_command(self):
        self.init(0, '--non-interactive', '--no-connect', '--user',
                  'alice@mail.example', '--password-command',
                  '  pass  show "x" ')
        self.assertIn('password_command: ["pass", "show", "\\"x\\""]',
                      self.read())
        self.assertIn('imap: "imaps://imap.mail.example"', self.read())
        self.works()

    def test_guessed_servers(self):
        for user, host in (('a@gmail.com', 'imap.gmail.com'),
                           ('a@GoogleMail.com', 'imap.gmail.com'),
                           ('a@outlook.com', 'outlook.office365.com'),
                           ('a@x.example', 'imap.x.example')):
            with self.subTest(user=user):
                self.init(0, '--non-interactive', '--no-connect', '--user',
                          user, '--password-file', 'pw')
                self.assertIn('"imaps://%s"' % host, self.read())
                self.assertEqual('    trusted_authserv: mx.google.com' in
                                 self.read(), 'gmail' in host)
                self.works()
                for name in self.files():
                    os.unlink(self.path(name))

    def test_oauth(self):
        self.init(0, '--non-interactive', '--user', 'a@gmail.com',
                  '--oauth2', 'google', '--client-id', 'x',
                  '--client-secret-file', 's', said='tamis auth home')
        self.assertIn('oauth2: "google"', self.read())
        self.works()

    def test_maildir(self):
        for d in ('cur', 'new', 'tmp'):
            os.makedirs(self.t.folder + '/Mail/' + d)
        r = self.init(0, '--non-interactive', '--maildir', 'Mail')
        self.assertIn('home: login: works; the inbox has 0 messages', r.out)
        self.works()
        self.assertEqual(self.t.run('run').status, 0)

    def login(self, status, *more, said=''):
        r = self.init(status, '--non-interactive', '--user', 'alice',
                      '--imap', self.url, '--password-file',
                      self.password_file(), *more, said=said)
        self.assertNotIn(SECRET, r.out + r.err)
        return r

    def test_login_works(self):
        r = self.login(0, '--ca-file', self.imap.ca_file)
        self.assertIn('home: login: works; the inbox has 0 messages', r.out)
        self.works()
        self.assertEqual(self.t.run('run').status, 0)
        facts = self.login(0, '--ca-file', self.imap.ca_file, '--json', '-c',
                           self.t.folder + '/c/c.yaml').json()
        self.assertEqual([f['key'] for f in facts],
                         ['login', 'wrote', 'wrote', 'next'])

    def test_login_fails(self):
        """Nothing is left of it."""
        self.login(tamis.BAD_CONFIG, said='certificate')
        self.imap.password = 'another'
        self.addCleanup(setattr, self.imap, 'password', SECRET)
        self.login(tamis.REFUSED, '--ca-file', self.imap.ca_file,
                   said='refuses the login of alice')
        self.assertEqual(self.files(), [])

    def test_nothing_is_overwritten(self):
        os.makedirs(self.t.config_dir, mode=0o700)
        rules = 'version: 1\nrules: []\n'
        self.t.write('rules.yaml', rules)
        args = ['--non-interactive', '--no-connect', '--user', 'a@b.example',
                '--password-file', 'pw']
        r = self.init(0, *args, said='kept')
        self.assertEqual(self.read('rules.yaml'), rules)
        before = tamis.snapshot(self.t.home)
        self.init(tamis.USAGE, *args, said='there is a config already')
        self.assertEqual(tamis.snapshot(self.t.home), before)
        other = self.t.folder + '/other/c.yaml'
        self.init(0, '-c', other, *args)
        self.assertTrue(os.path.exists(other))
        # nor what a link leads to
        os.unlink(self.path())
        os.symlink('/nonexistent', self.path())
        self.init(tamis.USAGE, *args)
        self.assertTrue(os.path.islink(self.path()), r)

    def test_wrong_use(self):
        for args, said in (
                ([], 'no terminal'),
                (['--non-interactive'], '--user and --imap are needed'),
                (['--non-interactive', '--user', 'a'], '--imap are needed'),
                (['--non-interactive', '--user', 'a@b.example'],
                 '--password-file, --password-command and --oauth2'),
                (['--non-interactive', '--user', 'a@b.example', '--oauth2',
                  'google', '--password-file', 'x'], 'one of'),
                (['--non-interactive', '--maildir', 'x', '--imap',
                  'imaps://h'], 'exclude')):
            self.init(tamis.USAGE, *args, said=said)
        for args, said in (
                (['-a', 'a/b'], 'the name of an account'),
                (['--imap', 'h'], 'must begin with imaps://'),
                (['--imap', 'imaps://h"x'], 'must be imaps://HOST')):
            self.init(tamis.BAD_CONFIG, '--non-interactive', '--no-connect',
                      '--user', 'a@b.example', '--password-file', 'x', *args,
                      said=said)
        self.init(tamis.BAD_CONFIG, '--non-interactive', '--no-connect',
                  '--user', 'a@b.example', '--oauth2', 'other',
                  '--client-id', 'x', said='authorization_endpoint')
        self.assertEqual(self.files(), [])

    def test_no_place(self):
        os.makedirs(self.t.home + '/.config', exist_ok=True)
        with open(self.t.config_dir, 'w'):
            pass
        self.init(tamis.STATE, '--non-interactive', '--no-connect',
                  '--user', 'a@b.example', '--password-file', 'x')


class Questions(Base):
    def start(self, *args):
        terminal = Terminal(self.t, 'init', *args)
        self.addCleanup(terminal.p.kill)
        return terminal

    def test_maildir(self):
        for d in ('cur', 'new', 'tmp'):
            os.makedirs(self.t.folder + '/Mail/' + d)
        t = self.start()
        t.answer('Mail address', 'alice@mail.example')
        self.assertIn('[imaps://imap.mail.example]',
                      t.answer('Maildir', '') + t.answer(
                          'call this account [home]', 'first') +
                      t.until('1, 2 or 3'))
        t.p.kill()
        t.p.communicate()
        self.assertEqual(self.files(), [])
        t = self.start()
        t.answer('Mail address', 'alice@mail.example')
        t.answer('Maildir', self.t.folder + '/Mail')
        t.answer('call this account [home]')
        r = t.end()
        self.assertEqual(r.status, 0, r)
        self.assertIn('home: login: works', r.out)
        self.works()

    def test_password(self):
        """It is not shown, and stands in its file only."""
        t = self.start('--no-connect')
        t.answer('Mail address', 'alice')
        t.answer('Maildir', 'mail.example')
        t.answer('call this account')
        t.answer('1, 2 or 3 [1]')
        t.until('it is not shown')
        t.hides()
        os.write(t.master, SECRET.encode() + b'\n')
        r = t.end()
        self.assertEqual(r.status, 0, r)
        self.assertNotIn(SECRET, r.out + r.err)
        self.assertEqual(self.read('home.password'), SECRET)
        self.assertNotIn(SECRET, self.read())
        self.assertIn('"imaps://mail.example"', self.read())
        self.works()

    def test_app_password(self):
        t = self.start('--no-connect', '--user', 'alice@gmail.com')
        t.answer('Mail address, or name to log in with [alice@gmail.com]')
        t.answer('[imaps://imap.gmail.com]')
        t.answer('call this account')
        self.assertIn('apppasswords', t.answer('1, 2 or 3'))
        t.answer('App password', 'abcd efgh ijkl mnop')
        r = t.end()
        self.assertEqual(r.status, 0, r)
        self.assertEqual(self.read('home.password'), 'abcdefghijklmnop')

    def test_again(self):
        """An answer was wrong: the others stay, and nothing is left."""
        t = self.start()
        t.answer('Mail address', 'alice')
        t.answer('Maildir', self.t.folder + '/none')
        t.answer('call this account', 'm')
        seen = t.answer('try again? [yes]', 'perhaps')
        self.assertIn('none', seen)
        self.assertEqual(self.files(), [])
        t.answer('try again? [yes]')
        for d in ('cur', 'new', 'tmp'):
            os.makedirs(self.t.folder + '/none/' + d)
        t.answer('[alice]')
        t.answer('none]')
        t.answer('[m]')
        r = t.end()
        self.assertEqual(r.status, 0, r)
        self.works()

    def test_given_up(self):
        t = self.start()
        t.answer('Mail address', 'alice')
        t.answer('Maildir', self.t.folder + '/none')
        t.answer('call this account')
        t.answer('try again?', 'n')
        r = t.end()
        self.assertNotEqual(r.status, 0)
        self.assertEqual(self.files(), [])
        t = self.start()
        t.until('Mail address')
        os.write(t.master, b'\x04')	# ^D
        r = t.end()
        self.assertEqual(r.status, tamis.USAGE, r)
        self.assertEqual(self.files(), [])

    def test_interrupted(self):
        """While a password is typed: the terminal shows again."""
        t = self.start('--no-connect')
        t.answer('Mail address', 'alice')
        t.answer('Maildir', 'mail.example')
        t.answer('call this account')
        t.answer('1, 2 or 3')
        t.until('it is not shown')
        t.hides()
        t.p.send_signal(signal.SIGINT)
        self.assertEqual(t.p.wait(timeout=30), -signal.SIGINT)
        self.assertTrue(t.shows())
        self.assertEqual(self.files(), [])

    def test_program_and_oauth(self):
        t = self.start('--no-connect')
        t.answer('Mail address', 'alice@outlook.com')
        t.answer('[imaps://outlook.office365.com]')
        t.answer('call this account', 'o')
        t.answer('1, 2 or 3', '3')
        t.answer('[microsoft]')
        t.answer('client_id', 'id-1')
        t.answer('- if it has none', '-')
        r = t.end()
        self.assertEqual(r.status, 0, r)
        self.assertIn('tamis auth o', r.out)
        self.assertIn('oauth2: "microsoft"', self.read())
        self.assertNotIn('client_secret_file', self.read())
        self.works()
        for name in self.files():
            os.unlink(self.path(name))
        t = self.start('--no-connect')
        t.answer('Mail address', 'alice')
        t.answer('Maildir', 'imap://mail.example')
        t.answer('call this account')
        t.answer('1, 2 or 3', '2')
        t.answer('program', 'secret-tool lookup mail alice')
        self.assertEqual(t.end().status, 0)
        self.assertIn('["secret-tool", "lookup", "mail", "alice"]',
                      self.read())
        self.works()


if __name__ == '__main__':
    tap.main()
