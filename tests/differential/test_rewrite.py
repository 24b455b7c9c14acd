#!/usr/bin/env python3
"""Header edits against others: RFC 5293 as Pigeonhole has it, byte for byte;
and DKIM signatures, which hold exactly where no signed field was edited."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../lib'))
import tap		# noqa: E402

TOP = os.environ['TAMIS_TOP']
BUILD = os.environ['TAMIS_BUILD']
SEED = 5293
ROUNDS = 120
NAMES = ['Subject', 'X-A', 'X-B', 'To', 'Keywords']
WORDS = ['one', 'two', 'Three', 'a b', 'list', '[tag]', 'x,y', '*']


def rewritten(actions, messages, folder):
    """What the actions of one rule make of each."""
    path = os.path.join(folder, 'rules.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('version: 1\nrules:\n  - name: x\n    then: %s\n' %
                json.dumps(actions))
    data = b''.join(b'%d\n%s' % (len(m), m) for m in messages)
    p = subprocess.run([BUILD + '/tests/differential/rewrite', path],
                       input=data, capture_output=True, timeout=60)
    if p.returncode:
        raise RuntimeError(p.stderr.decode(errors='replace'))
    out, rest = [], p.stdout
    for _ in messages:
        n, _, rest = rest.partition(b'\n')
        out.append(rest[:int(n)])
        rest = rest[int(n):]
    return out


class Sieve(unittest.TestCase):
    """addheader and deleteheader.  Left out is where we mean something else:
    a field that is there with this text is not added again."""

    def setUp(self):
        self.random = random.Random(SEED)
        self.folder = tempfile.mkdtemp()
        os.chmod(self.folder, 0o777)
        with open(self.folder + '/dovecot.conf', 'w') as f:
            f.write('ssl = no\nmail_uid = 65534\nmail_gid = 65534\n'
                    'plugin {\n  sieve_extensions = +editheader\n}\n')

    def tearDown(self):
        shutil.rmtree(self.folder)

    def header(self):
        lines = ['Received: by mx.example.org;\n\tThu, 15 Jan 2026',
                 'From: Alice  <alice@example.org>']
        for _ in range(self.random.randrange(8)):
            value = self.random.choice(['%s', ' %s', '  %s ', ' %s\n %s',
                                        '%s\n\t%s'])
            while '%s' in value:
                value = value.replace('%s', self.random.choice(WORDS), 1)
            lines.insert(self.random.randrange(2, len(lines) + 1),
                         self.random.choice(NAMES) + ':' + value)
        return '\n'.join(lines) + '\n'

    def pair(self, serial):
        """(Sieve, our action) of the same meaning."""
        r = self.random
        name, word = r.choice(NAMES), r.choice(WORDS)
        if r.random() < 0.4:
            last = r.random() < 0.5
            value = '%s %d' % (word, serial)
            return ('addheader %s"%s" "%s";' % (
                ':last ' if last else '', name, value),
                {'add_header': {name: {'value': value, 'last': last}
                                if last else value}})
        sieve, ours = '', {}
        if r.random() < 0.3:
            name = name.swapcase()
        if r.random() < 0.5:
            n, last = r.randrange(1, 4), r.random() < 0.5
            sieve = ':index %d %s' % (n, ':last ' if last else '')
            ours = {'index': n}
            if last:
                ours['last'] = True
        kind = r.choice(['is', 'contains', 'matches', None])
        if kind:
            text = '*' + word[:2] + '*' if kind == 'matches' else word
            ours[kind] = text.replace('*', '\\*') \
                if kind == 'matches' and word == '*' else text
            if word == '*':
                ours.pop(kind)
                kind = None
        if kind:
            sieve += ':%s "%s" "%s";' % (kind, name, text)
        else:
            sieve += '"%s";' % name
        return 'deleteheader ' + sieve, {
            'remove_header': {name: ours} if ours else name}

    def delivered(self, commands, message):
        mail = os.path.join(self.folder, 'mail')
        shutil.rmtree(mail, ignore_errors=True)
        with open(self.folder + '/x.sieve', 'w') as f:
            f.write('require ["editheader"];\n' + '\n'.join(commands) + '\n')
        with open(self.folder + '/m.eml', 'wb') as f:
            f.write(message)
        p = subprocess.run(
            ['sieve-test', '-e', '-c', self.folder + '/dovecot.conf',
             '-l', 'maildir:' + mail, self.folder + '/x.sieve',
             self.folder + '/m.eml'], capture_output=True, timeout=60,
            cwd=self.folder)
        got = [os.path.join(mail, 'new', name)
               for name in os.listdir(mail + '/new')] \
            if os.path.isdir(mail + '/new') else []
        if len(got) != 1:
            raise RuntimeError((p.stdout + p.stderr).decode(
                errors='replace'))
        with open(got[0], 'rb') as f:
            return f.read()

    def test_same(self):
        changed = 0
        for i in range(ROUNDS):
            message = (self.header() + '\nHello.\n').encode()
            pairs = [self.pair(100 * i + k)
                     for k in range(self.random.randrange(1, 4))]
            theirs = self.delivered([p[0] for p in pairs], message)
            ours, = rewritten([p[1] for p in pairs], [message], self.folder)
            self.assertEqual(ours.decode(), theirs.decode(), '%r\n%s' % (
                pairs, message.decode()))
            changed += ours != message
        self.assertGreater(changed, ROUNDS / 3)


MESSAGE = b'''Received: by mx.example.org; Thu, 15 Jan 2026 10:00:00 +0000
X-Spam:   a   very
\tlong  tail
From: "Alice, at home" <alice@example.org>
To: bob@example.org
Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= and   more
 of them
Date: Thu, 15 Jan 2026 10:00:00 +0000
Message-ID: <1@example.org>
X-Key: one
X-Key: two
X-Tag: keep

Hello,  Bob
'''.replace(b'\n', b'\r\n')
SIGNED = [b'from', b'to', b'subject', b'date', b'message-id', b'x-key']


class Dkim(unittest.TestCase):
    """As an independent verifier sees it; the key is made here."""

    @classmethod
    def setUpClass(cls):
        # Debian's, whichever python3 this is
        sys.path.append('/usr/lib/python3/dist-packages')
        import dkim
        cls.dkim = dkim
        cls.folder = tempfile.mkdtemp()
        cls.key = cls.folder + '/key.pem'
        subprocess.run(['openssl', 'genrsa', '-traditional', '-out', cls.key,
                        '1024'], check=True, capture_output=True)
        public = subprocess.run(
            ['openssl', 'rsa', '-in', cls.key, '-pubout'], check=True,
            capture_output=True, text=True).stdout
        cls.record = ('v=DKIM1; k=rsa; p=' + ''.join(
            public.splitlines()[1:-1])).encode()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def signed(self, strict):
        how = b'simple' if strict else b'relaxed'
        with open(self.key, 'rb') as f:
            return self.dkim.sign(
                MESSAGE, b'sel', b'example.org', f.read(),
                canonicalize=(how, how), include_headers=SIGNED) + MESSAGE

    def holds(self, message):
        return self.dkim.verify(
            message, dnsfunc=lambda name, timeout=5: self.record)

    def after(self, actions, strict):
        message = self.signed(strict)
        self.assertTrue(self.holds(message))
        out, = rewritten(actions, [message], self.folder)
        self.assertNotEqual(out, message)
        return self.holds(out)

    def check(self, holds, *actions):
        for strict in (False, True):
            with self.subTest(actions=actions, strict=strict):
                self.assertEqual(self.after(list(actions), strict), holds)

    def test_edits_of_what_is_not_signed(self):
        self.check(True, {'set_header': {'X-New': 'x', 'X-Tag': 'other'}})
        self.check(True, {'remove_header': ['X-Spam', 'X-Tag']})
        self.check(True, {'edit_header': {'X-Spam': {'remove': 'very'}}})
        self.check(True, {'add_header': {'X-New': {'value': 'x',
                                                   'last': True}}})

    def test_one_more_before_the_signed(self):
        """Fields are signed from the last one up (RFC 6376 5.4.2)."""
        self.check(True, {'add_header': {'X-Key': 'three'}})
        self.check(False, {'add_header': {'X-Key': {'value': 'three',
                                                    'last': True}}})

    def test_edits_of_what_is_signed(self):
        self.check(False, {'edit_header': {'Subject': {'remove': 'and'}}})
        self.check(False, {'set_header': {'To': 'carol@example.org'}})
        self.check(False, {'remove_header': {'X-Key': 'two'}})

    def test_what_is_so_already(self):
        """Nothing is written anew, however oddly it stands there."""
        message = self.signed(True)
        out, = rewritten(
            [{'set_header': {'Subject': 'grüße and   more of them',
                             'From': '"Alice, at home" <alice@example.org>',
                             'X-Spam': 'a   very long  tail'}},
             {'fix_headers': ['message_id', 'date', 'from', 'encoding',
                              'duplicates', 'references']}],
            [message], self.folder)
        self.assertEqual(out, message)


if __name__ == '__main__':
    tap.main()
