#!/usr/bin/env python3
"""pgp: good_signature, asked of a keyring while mail is judged."""
# timeout: 300

import os
import signal
import subprocess
import unittest

import runs
import tap

RULES = '''
rules:
  - name: signed
    when: {pgp: good_signature}
    then: [{label: good}]
  - name: encrypted
    when: {pgp: encrypted}
    then: [{label: encrypted}]
'''

AGENT = '''default-cache-ttl 0
max-cache-ttl 0
allow-loopback-pinentry
pinentry-program %s/pinentry
'''

SIGNED = '''From: %s
Message-ID: <%d@x>
Subject: %s
MIME-Version: 1.0
Content-Type: multipart/signed; boundary=s;
 protocol="application/pgp-signature"

--s
%s
--s
Content-Type: application/pgp-signature

%s
--s--
'''

TEXT = 'Content-Type: text/plain\n\nhello\n'


class Signature(runs.Case):
    def setUp(self):
        super().setUp()
        self.mail = self.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(self.mail + '/' + name)
        self.keys = self.keyring('keys')
        self.key('alice@example.org', '')
        self.key('bob@example.org', 'open sesame')
        self.configure_pgp()
        self.t.rules(RULES)
        self.t.run('run')
        self.n = 0

    def keyring(self, name):
        home = os.path.join(self.t.home, name)
        os.mkdir(home, 0o700)
        with open(home + '/gpg-agent.conf', 'w') as f:
            f.write(AGENT % home)
        self.addCleanup(subprocess.run, ['gpgconf', '--homedir', home,
                                         '--kill', 'all'], check=True)
        return home

    def gpg(self, *args, text='', home=None):
        r = subprocess.run(['gpg', '--homedir', home or self.keys, '--batch',
                            '-q', '--pinentry-mode', 'loopback',
                            '--trust-model', 'always'] + list(args),
                           input=text.encode(), stdout=subprocess.PIPE,
                           check=True, timeout=100)
        return r.stdout.decode()

    def key(self, user, passphrase, home=None):
        self.gpg('--passphrase', passphrase, '--quick-gen-key', user,
                 'future-default', 'default', 'never', home=home)

    def configure_pgp(self, limit='60s', **more):
        self.t.config({'accounts': {'home': {
            'maildir': self.mail, 'pgp': dict(home=self.keys, **more)}},
            'limits': {'command': limit}})

    def deliver(self, text):
        self.n += 1
        with open('%s/new/%d' % (self.mail, self.n), 'w') as f:
            f.write(text)

    def signed(self, author, subject, user, home=None, change=False):
        sign = self.gpg('-u', user, '--armor', '--detach-sign', home=home,
                        text=TEXT.replace('\n', '\r\n'))
        text = TEXT.replace('hello', 'Hello') if change else TEXT
        self.deliver(SIGNED % (author, self.n, subject, text, sign))

    def encrypted(self, subject, user, *args):
        cipher = self.gpg('--armor', '-e', '-r', user, *args, text=TEXT)
        self.deliver('From: alice@example.org\nMessage-ID: <%d@x>\n'
                     'Subject: %s\n\n%s' % (self.n, subject, cipher))

    def labels(self, status=0):
        """{subject: labels} of a run."""
        r = self.t.run('--json', 'run')
        self.assertEqual(r.status, status, r)
        return {o['subject']: [c['what'] for c in o['changes']]
                for o in r.json()
                if o['type'] == 'message' and o.get('changes')}

    def test_good_only_of_the_author(self):
        self.signed('alice@example.org', 'good', 'alice@example.org')
        self.signed('alice@example.org', 'changed', 'alice@example.org',
                    change=True)
        self.signed('eve@example.org', 'other', 'alice@example.org')
        self.encrypted('inside', 'alice@example.org', '-s', '-u',
                       'alice@example.org')
        self.encrypted('unsigned', 'alice@example.org')
        self.assertEqual(self.labels(), {
            'good': ['good'], 'inside': ['encrypted', 'good'],
            'unsigned': ['encrypted']})

    def test_a_key_that_lies_about(self):
        """One for the author's address that somebody has sent."""
        forger = self.keyring('forger')
        self.key('alice@example.org', '', home=forger)
        self.signed('alice@example.org', 'forged', 'alice@example.org',
                    home=forger)
        self.assertEqual(self.labels(), {})
        self.gpg('--import', text=self.gpg('--armor', '--export', home=forger))
        self.signed('alice@example.org', 'forged again', '0x' + self.gpg(
            '--with-colons', '--list-keys', home=forger)
            .split('fpr:::::::::')[1][:40], home=forger)
        self.assertEqual(self.labels(), {})

    def test_no_key(self):
        """Unknown for good."""
        other = self.keyring('other')
        self.key('carol@example.org', '', home=other)
        self.gpg('--import', text=self.gpg('--armor', '--export', home=other))
        self.encrypted('not ours', 'carol@example.org')
        r = self.t.run('--json', 'run')
        self.assertEqual(r.status, 0, r)
        self.assertIn('none of our keys', r.out)
        self.assertIn('"pending":0', r.out)

    def test_passphrase_command(self):
        self.configure_pgp(passphrase_command=['echo', 'open sesame'])
        self.encrypted('one', 'bob@example.org', '-s', '-u',
                       'alice@example.org')
        self.encrypted('two', 'bob@example.org')
        self.assertEqual(self.labels(), {'one': ['encrypted', 'good'],
                                         'two': ['encrypted']})

    def test_nobody_answers(self):
        """The window is opened once in a run; the mail stays new."""
        with open(self.keys + '/pinentry', 'w') as f:
            f.write('#!/bin/sh\necho $$ >> %s/pids\nexec sleep 60\n'
                    % self.keys)
        os.chmod(self.keys + '/pinentry', 0o700)
        self.configure_pgp(limit='8s')
        self.encrypted('one', 'bob@example.org', '-s', '-u',
                       'alice@example.org')
        self.encrypted('two', 'bob@example.org')
        r = self.t.run('--json', 'run')
        self.assertEqual(r.status, 0, r)
        self.assertIn('"pending":2', r.out)
        with open(self.keys + '/pids') as f:
            pids = [int(line) for line in f]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(len(pids), 1)
        self.assertIn('in time', r.out)
        self.configure_pgp(passphrase_command=['echo', 'open sesame'])
        self.assertEqual(self.labels(), {'one': ['good']})

    def test_doctor(self):
        r = self.t.run('doctor')
        self.assertIn('keyring %s, secret keys: 2' % self.keys, r.out)


if __name__ == '__main__':
    tap.main()
