#!/usr/bin/env python3
"""How an account's password gets to the server, and nowhere else."""

import os
import stat
import unittest

import servers
import tamis
import tap

# A word that stands nowhere else.
SECRET = servers.PASSWORD = 'kw7Qz-4711'

# Writes down how it was called, then prints the password and more lines.
HELPER = '''#!/bin/sh
printf '%%s\\n' "$@" > "$0.args"
env > "$0.env"
ls -l /proc/$$/fd > "$0.fds"
echo talk >&2
printf '%%s\\nuser: alice\\n' '%s'
''' % SECRET


class Login(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.t = tamis.Tamis()
        self.t.rules('rules: [{name: x, when: {subject: x},'
                     ' then: [archive]}]')

    def configure(self, auth, **more):
        account = self.t.account(self.server, password=SECRET, **more)
        account['auth'] = auth
        self.t.config({'accounts': {'a': account}})

    def helper(self, text=HELPER):
        return self.t.write('bin/secret', text, 0o700)

    def expect(self, status, *args, **more):
        r = self.t.run(*args, **more)
        self.assertEqual(r.status, status, r)
        self.assertNotIn(SECRET, r.out + r.err)
        return r

    def test_command(self):
        path = self.helper()
        self.configure({'password_command': [path, 'show', '$HOME; *']})
        r = self.expect(0, '-vv', 'run', env={'OTHER_SECRET': 'hush'})
        self.assertIn('talk', r.err)	# a person may have to read it
        with open(path + '.args') as f:
            self.assertEqual(f.read(), 'show\n$HOME; *\n')
        with open(path + '.env') as f:
            env = f.read()
        self.assertIn('HOME=' + self.t.home, env)
        self.assertNotIn('hush', env)
        self.assertNotIn(SECRET, env)
        with open(path + '.fds') as f:
            fds = f.read()
        self.assertNotIn('socket:', fds)	# the server's
        self.assertNotIn(self.t.state_dir, fds)	# the lock
        self.assertEqual(self.holding(), ['password', 'secret'])

    def holding(self):
        """The files below the home in which the secret stands."""
        found = []
        for top, _, files in os.walk(self.t.home):
            for name in files:
                path = os.path.join(top, name)
                with open(path, 'rb') as f:
                    if SECRET.encode() in f.read():
                        found.append(os.path.basename(path))
        return sorted(found)

    def test_relative_command(self):
        self.helper()
        self.configure({'password_command': ['./bin/secret']})
        self.expect(0, 'run')

    def test_failing_command(self):
        self.configure({'password_command': [self.helper(
            '#!/bin/sh\nexit 9\n')]})
        r = self.expect(tamis.LATER, '-v', 'run')
        self.assertIn('exited with status 9', r.err)

    def test_no_such_command(self):
        self.configure({'password_command': ['/nonexistent/pass']})
        r = self.expect(tamis.BAD_CONFIG, 'run')
        self.assertIn('/nonexistent/pass', r.err)

    def test_empty_password(self):
        self.configure({'password_command': ['echo']})
        self.expect(tamis.BAD_CONFIG, 'run')

    def test_file(self):
        path = self.t.write('pw', SECRET + '\n')
        self.configure({'password_file': 'pw'})
        self.expect(0, 'run')
        os.chmod(path, 0o640)
        r = self.expect(tamis.BAD_CONFIG, 'run')
        self.assertIn('chmod 600 ' + path, r.err)

    def test_wrong_password(self):
        self.t.write('pw', 'not it\n')
        self.configure({'password_file': 'pw'})
        r = self.expect(tamis.REFUSED, 'run')
        self.assertTrue(r.err.startswith('tamis: a: '), r)
        self.assertNotIn('not it', r.out + r.err)

    def test_mechanism(self):
        self.t.write('pw', SECRET + '\n')
        for name in ('PLAIN', 'login'):
            self.configure({'password_file': 'pw', 'mechanism': name})
            self.expect(0, 'run')

    def test_plain_text(self):
        """Only when it is asked for, and then it is said."""
        self.t.write('pw', SECRET + '\n')
        self.configure({'password_file': 'pw'}, tls=False)
        r = self.expect(0, '-v', 'run')		# STARTTLS
        self.assertNotIn('insecure', r.err)
        self.configure({'password_file': 'pw'}, tls=False)
        tree = self.t.account(self.server, password=SECRET, tls=False)
        tree['tls'] = {'insecure_plaintext': True}
        self.t.config({'accounts': {'a': tree}})
        r = self.expect(0, 'run')
        self.assertIn('insecure', r.err)

    def test_two_accounts_one_fails(self):
        good = self.t.account(self.server, password=SECRET)
        bad = dict(good, auth={'password_file': 'wrong'})
        self.t.write('wrong', 'not it\n')
        self.t.config({'accounts': {'bad': bad, 'good': good}})
        r = self.t.run('--json', 'run')
        self.assertEqual(r.status, tamis.REFUSED, r)
        runs = {o['account']: o for o in r.json() if o['type'] == 'run'}
        self.assertEqual(runs['good']['exit'], 0)
        self.assertEqual(runs['bad']['exit'], tamis.REFUSED)
        self.assertIn('error', runs['bad'])
        self.assertEqual(self.t.run('-a', 'good', 'run').status, 0)

    def test_doctor(self):
        self.t.write('pw', SECRET + '\n')
        self.configure({'password_file': 'pw'})
        r = self.expect(0, 'doctor')
        self.assertIn('imaps://localhost', r.out)
        facts = self.expect(0, '--json', 'doctor').json()
        self.assertEqual({o['type'] for o in facts}, {'fact'})

    def test_state_is_private(self):
        self.t.write('pw', SECRET + '\n')
        self.configure({'password_file': 'pw'})
        self.expect(0, 'run')
        self.assertTrue(os.path.isdir(self.t.state_dir + '/a'))
        for top, folders, files in os.walk(self.t.state_dir):
            for name in folders + files:
                mode = os.lstat(os.path.join(top, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, name)
        self.assertEqual(self.holding(), ['password', 'pw'])


if __name__ == '__main__':
    tap.main()
