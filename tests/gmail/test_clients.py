#!/usr/bin/env python3
"""Clients that nobody here wrote agree that this is an IMAP server."""

import glob
import hashlib
import imaplib
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + '/../lib']

import gmail	# noqa: E402
import servers	# noqa: E402
import tap	# noqa: E402
from mailmaker import ids, message	# noqa: E402

ALL, TRASH = '[Gmail]/All Mail', '[Gmail]/Trash'
PROFILES = ('gmail', 'dovecot', 'cyrus', 'exchange', 'yahoo', 'no_uidplus',
            'no_move', 'no_keywords', 'bare')
NESTED = (
    b'From: "Alice, A." <alice@example.org>, bob@example.org\r\n'
    b'To: group:;\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n'
    b'Message-ID: <nested@example.org>\r\nMIME-Version: 1.0\r\n'
    b'Content-Type: multipart/mixed; boundary="a b"\r\n\r\n'
    b'preamble\r\n--a b\r\n\r\nplain\r\n--a b\r\n'
    b'Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n'
    b'Content-Type: multipart/alternative; boundary=c\r\n\r\n'
    b'--c\r\n\r\none\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>two\r\n'
    b'--c--\r\n--a b\r\nContent-Type: image/png; name="x.png"\r\n'
    b'Content-Disposition: attachment; filename=x.png\r\n'
    b'Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--a b--\r\nend\r\n')


def needed(program):
    if not shutil.which(program):
        raise unittest.SkipTest('%s is not installed' % program)


class Imaplib(unittest.TestCase):
    """Python's own client, through what servers.py does with any server."""

    def test_append_dump_copy_move_search_on_each_profile(self):
        for name in PROFILES:
            with self.subTest(name), gmail.Server(name) as s:
                flags = '\\Seen' if name == 'no_keywords' else '\\Seen key'
                s.append('alice', 'INBOX', [message(n) for n in range(4)],
                         flags, '17-Jul-2026 02:44:25 +0200')
                s.create('alice', 'a/b c')
                m = s.dump('alice')[0]
                self.assertEqual((m.flags, m.message_id, m.date), (
                    frozenset(flags.split()), '0@example.org',
                    '17-Jul-2026 00:44:25 +0000'))
                if name != 'exchange':
                    self.assertEqual(m.size, len(message(0)))
                with servers.closing(s.client()) as c:
                    self.commands(c, s)
                self.assertEqual(s.status('alice', 'a/b c')['MESSAGES'], 2)
                self.assertEqual(ids(s.dump('alice', 'a/b c')), [0, 1])
                self.assertEqual(s.dump('bob'), [])

    def commands(self, c, s):
        servers.check(c.select('INBOX'))
        for keys, found in (('ALL', '1 2 3 4'), ('UNSEEN', ''),
                            ('SUBJECT "message 2"', '3'),
                            ('NOT 1:2 SINCE 16-Jul-2026', '3 4'),
                            ('OR HEADER Message-ID 0@ BODY hello LARGER 10',
                             '1 2 3 4'), ('(TEXT nothing)', '')):
            self.assertEqual(servers.check(c.uid('SEARCH', keys))[0],
                             found.encode(), keys)
        kind, _ = c.uid('COPY', '1', '"a/b c"')
        self.assertEqual(kind, 'OK')
        move = s.profile.has('MOVE')
        if move:
            servers.check(c.uid('MOVE', '2', '"a/b c"'))
        else:
            with self.assertRaises(imaplib.IMAP4.error):
                c.uid('MOVE', '2', '"a/b c"')
            servers.check(c.uid('COPY', '2', '"a/b c"'))
            servers.check(c.uid('STORE', '2', '+FLAGS', '(\\Deleted)'))
            servers.check(c.expunge())
        self.assertEqual(servers.check(c.uid('SEARCH', 'ALL')), [b'1 3 4'])
        servers.check(c.noop())
        servers.check(c.close())

    def test_structure(self):
        with gmail.Server('dovecot') as s:
            s.append('alice', 'INBOX', NESTED)
            with servers.closing(s.client()) as c:
                c.select('INBOX')
                text = b''.join(
                    b''.join(x) if isinstance(x, tuple) else x
                    for x in servers.check(c.fetch(
                        '1', '(ENVELOPE BODYSTRUCTURE)')))
                self.assertIn(b'("Alice, A." NIL "alice" "example.org")'
                              b'(NIL NIL "bob" "example.org")', text)
                self.assertIn(
                    b'BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 0 '
                    b'NIL NIL NIL)("MESSAGE" "RFC822" NIL NIL NIL "7BIT"',
                    text)
                self.assertIn(b'("ATTACHMENT" ("FILENAME" "x.png"))', text)
                for section, wanted in (
                        ('1', b'plain'), ('2.1', b'one'),
                        ('2.2', b'<p>two'), ('3', b'AAAA'),
                        ('2.HEADER.FIELDS (SUBJECT)',
                         b'Subject: inner\r\n\r\n'),
                        ('2.2.MIME', b'Content-Type: text/html\r\n\r\n'),
                        ('TEXT', NESTED[NESTED.index(b'preamble'):]),
                        ('', NESTED)):
                    (_, data), _ = servers.check(c.fetch(
                        '1', '(BODY.PEEK[%s])' % section))
                    self.assertEqual(data, wanted, section)
                (_, data), _ = servers.check(c.fetch(
                    '1', '(BODY.PEEK[]<6.5>)'))
                self.assertEqual(data, NESTED[6:11])
                self.assertEqual(servers.check(c.fetch(
                    '1', '(BODY.PEEK[4])'))[0][2:], b' (BODY[4] NIL)'[1:])

    def test_stop_and_start_keep_mail(self):
        with gmail.Server() as s:
            s.append('alice', 'INBOX', message(1))
            before = s.dump_all('alice')
            s.stop()
            with self.assertRaises(OSError):
                s.client()
            s.start()
            self.assertEqual(s.dump_all('alice'), before)


def certificate(s):
    """The server's own: it is trusted by itself, since not every machine has
    the name localhost, and some clients compare no addresses."""
    return ssl.get_server_certificate(('127.0.0.1', s.tls_port))


def fingerprint(s):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(
        certificate(s))).hexdigest()


class Mbsync(unittest.TestCase):
    CONFIG = '''
IMAPAccount a
Host 127.0.0.1
Port %d
User alice
Pass secret
SSLType IMAPS
SystemCertificates no
CertificateFile %s

IMAPStore far
Account a

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
'''

    def setUp(self):
        needed('mbsync')
        self.folder = tempfile.mkdtemp(prefix='tamis-m.')

    def sync(self, s):
        mail = self.folder + '/mail'
        os.makedirs(mail, exist_ok=True)
        with open(self.folder + '/rc', 'w') as f:
            f.write(self.CONFIG % (s.tls_port, self.trusted(s), mail, mail))
        r = subprocess.run(['mbsync', '-q', '-c', self.folder + '/rc', 'c'],
                           capture_output=True, text=True, timeout=60)
        self.assertEqual((r.returncode, r.stderr), (0, ''))
        return mail

    def trusted(self, s):
        path = self.folder + '/server.pem'
        with open(path, 'w') as f:
            f.write(certificate(s))
        return path

    def files(self, mail, box):
        return sorted(glob.glob('%s/%s/cur/*' % (mail, box)) +
                      glob.glob('%s/%s/new/*' % (mail, box)))

    def test_down_and_up(self):
        for name in ('gmail', 'dovecot', 'exchange'):
            with self.subTest(name), gmail.Server(name) as s:
                self.setUp()
                s.append('alice', 'INBOX', [message(1), message(2)])
                mail = self.sync(s)
                paths = self.files(mail, 'INBOX')
                self.assertEqual(len(paths), 2)
                with open(paths[0], 'rb') as f:
                    self.assertIn(b'Subject: message', f.read())
                # a flag and a new message go up
                cur = paths[0].replace('/new/', '/cur/')
                cur = re.sub(r'(:2,.*)?$', ':2,FS', cur)
                os.rename(paths[0], cur)
                with open(mail + '/INBOX/new/9.x', 'wb') as f:
                    f.write(message(9).replace(b'\r\n', b'\n'))
                self.sync(s)
                there = {int(m.message_id.split('@')[0]): m.flags
                         for m in s.dump('alice')}
                self.assertEqual(sorted(there), [1, 2, 9])
                self.assertIn(frozenset(['\\Seen', '\\Flagged']),
                              there.values())
                before = s.dump_all('alice')
                self.sync(s)
                self.assertEqual(s.dump_all('alice'), before)


class Offlineimap(unittest.TestCase):
    """Its type Gmail reads and writes labels."""
    CONFIG = '''
[general]
accounts = a
metadata = %(folder)s/state
ui = quiet

[Account a]
localrepository = near
remoterepository = far
synclabels = yes
labelsheader = X-Keywords

[Repository near]
type = GmailMaildir
localfolders = %(folder)s/mail

[Repository far]
type = Gmail
remotehost = 127.0.0.1
remoteport = %(port)d
remoteuser = alice
remotepass = secret
ssl = yes
cert_fingerprint = %(print)s
folderfilter = lambda name: name == '[Gmail]/All Mail'
'''

    def sync(self, s, folder):
        os.makedirs(folder + '/mail', exist_ok=True)
        with open(folder + '/rc', 'w') as f:
            f.write(self.CONFIG % {
                'folder': folder, 'port': s.tls_port,
                'print': fingerprint(s)})
        r = subprocess.run(
            ['offlineimap', '-c', folder + '/rc', '-o', '-1'],
            capture_output=True, text=True, timeout=60,
            env=dict(os.environ, HOME=folder, PYTHONPATH=''))
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return sorted(glob.glob(folder + '/mail/*/cur/*') +
                      glob.glob(folder + '/mail/*/new/*'))

    def test_labels_down_and_up(self):
        needed('offlineimap')
        folder = tempfile.mkdtemp(prefix='tamis-o.')
        with gmail.Server() as s:
            id, = s.control.load([{
                'raw': message(1), 'labels': ['\\Inbox', 'work/a b',
                                              'Übung', 'q"(x)']}])
            path, = self.sync(s, folder)
            with open(path, 'rb') as f:
                text = f.read().decode()
            found = re.search(r'X-Keywords: (.*)', text).group(1)
            for label in ('\\Inbox', 'work/a b', 'q"(x)'):
                self.assertIn(label, found)
            new = text.replace('X-Keywords: ', 'X-Keywords: extra,')
            with open(path, 'wb') as f:
                f.write(new.encode())
            os.utime(path, (1 << 31, 1 << 31))
            self.sync(s, folder)
            self.assertIn('extra',
                          s.control.dump()['messages'][id]['labels'])


if __name__ == '__main__':
    tap.main()
