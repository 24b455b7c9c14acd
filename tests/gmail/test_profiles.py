#!/usr/bin/env python3
"""Servers that are not Gmail: M34, and the forms in which all of them speak."""

import os
import random
import re
import sys
import zlib

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + '/../lib']

import gmail	# noqa: E402
import tap	# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, Case, mid	# noqa: E402
from talk import Talk	# noqa: E402


class Profiles(Case):
    def on(self, profile, messages=3, **switches):
        """A session in INBOX, with messages 0, 1, ... in it."""
        self.c.reset(profile, **switches)
        self.c.load([{'raw': message(n)} for n in range(messages)])
        return self.talk('INBOX')

    def test_replace(self):
        t = self.on('dovecot_replace')
        said = t('UID REPLACE 2 INBOX (\\Seen) ', message(9))
        self.assertTrue(said.startswith('OK'), said)
        self.assertEqual([x for x in t.lines if b'FETCH' not in x], [
            b'* OK [APPENDUID 600000001 4] Replaced', b'* 2 EXPUNGE',
            b'* 3 EXISTS'])
        self.assertEqual(sorted(self.c.ids()), [mid(n) for n in (0, 2, 9)])
        self.c.fault('no', 'UID REPLACE')
        self.assertEqual(t('UID REPLACE 1 INBOX ', message(8))[:2], 'NO')
        self.assertIn(mid(0), self.c.ids())
        t = self.on('dovecot')
        t.sock.sendall(b'a UID REPLACE 2 INBOX {1}\r\n')
        self.assertTrue(t.line().startswith(b'a BAD'))

    def test_objectid(self):
        t = self.on('cyrus')
        self.assertTrue(t.said('[MAILBOXID (F'))
        email = t.fetch(1, 'EMAILID THREADID')
        t.ok('UID COPY 1 Archive')
        t.ok('UID MOVE 1 Trash')
        for box in ('Archive', 'Trash'):
            t.ok('SELECT ' + box)
            self.assertEqual(t.fetch(1, 'EMAILID THREADID'), email)
        t.append('Trash', message(0, body='Other.\r\n'))
        self.assertNotEqual(t.fetch(2, 'EMAILID')['EMAILID'],
                            email['EMAILID'])
        self.assertEqual(t.search('EMAILID %s' % email['EMAILID'].strip(
            b'()').decode()), [1])
        self.assertEqual(self.on('dovecot')('UID FETCH 1 (EMAILID)')[:3],
                         'BAD')

    def test_exchange(self):
        t = self.on('exchange')
        self.c.fault('throttled', 'UID FETCH')
        self.assertEqual(t('UID FETCH 1 (FLAGS)'),
                         'BAD Request is throttled. Suggested Backoff Time: '
                         '100 milliseconds')
        t.ok('UID MOVE 1:3 Trash')
        self.assertEqual(t.lines[1:], [
            b'* 3 EXPUNGE', b'* 2 EXPUNGE', b'* 1 EXPUNGE'])
        t.ok('LIST "" *')
        self.assertFalse(t.said('\\Trash'))
        for command in ('STATUS INBOX (HIGHESTMODSEQ)',
                        'SELECT INBOX (CONDSTORE)', 'ENABLE CONDSTORE',
                        'UID SEARCH RETURN (ALL) ALL'):
            self.assertEqual(t(command)[:3], 'BAD', command)
        self.assertEqual(t.append('INBOX', message(
            5, body='x' * 10000 + '\r\n'))[:3], 'BAD')
        self.assertEqual(t.append('INBOX', message(
            6, headers=[('X-Nonce', 'abc')]))[:2], 'OK')
        t.ok('SELECT INBOX')
        self.assertNotIn(b'X-Nonce', t.fetch(4, 'BODY.PEEK[]')['BODY[]'])
        self.c.set(append_limit=10)
        self.assertIn('Maximum size of appendable message',
                      t.append('INBOX', message(7)))

    def test_yahoo(self):
        t = self.on('yahoo')
        raw = message(5)
        self.assertEqual(t.append('INBOX', raw[:-2])[:15],
                         'BAD [CLIENTBUG]')
        self.assertEqual(t.append('INBOX', raw)[:2], 'OK')
        t.ok('CAPABILITY')
        self.assertTrue(t.said('OBJECTID'))

    def test_without_uidplus(self):
        for profile, there in (('dovecot', True), ('no_uidplus', False)):
            t = self.on(profile)
            for said in (t.append('INBOX', message(5)),
                         t('UID COPY 1 Trash')):
                self.assertTrue(said.startswith('OK'))
                self.assertEqual('UID ' in said, there)
            t.ok('UID STORE 1 +FLAGS (\\Deleted)')
            self.assertEqual(t('UID EXPUNGE 1')[:3],
                             'OK ' if there else 'BAD')

    def test_without_move(self):
        for profile, said in (('dovecot', 'OK '), ('no_move', 'BAD')):
            t = self.on(profile)
            self.assertEqual(t('UID MOVE 1 Trash')[:3], said)
            self.assertEqual(len(t.search('ALL')), 2 if said == 'OK ' else 3)

    def test_without_keywords(self):
        for how, said, flags in (('kept', 'OK', b'(\\Seen key)'),
                                 ('refused', 'NO', b'()'),
                                 ('ignored', 'OK', b'(\\Seen)')):
            t = self.on('no_keywords', keywords=how)
            self.assertEqual(bool(t.said('\\*)')), how == 'kept')
            self.assertEqual(t('UID STORE 1 +FLAGS (\\Seen key)')[:2], said)
            self.assertEqual(t.fetch(1, 'FLAGS')['FLAGS'], flags)
            self.assertEqual(t.append('INBOX', message(7), 'key')[:2], said)

    def test_copies_are_messages(self):
        t = self.on('dovecot', 1)
        t.ok('UID COPY 1 Trash')
        t.ok('UID STORE 1 +FLAGS (\\Seen)')
        t.ok('SELECT Trash')
        self.assertEqual(t.fetch(1, 'FLAGS')['FLAGS'], b'()')
        self.assertEqual(len(self.c.dump()['messages']), 2)

    def test_folders(self):
        t = self.on('dovecot', 2)
        t.ok('CREATE a/b/c')
        t.ok('LIST "" "a*"')
        self.assertEqual(len(t.lines), 3)
        t.ok('LIST "" "a/%"')
        self.assertEqual(t.lines, [
            b'* LIST (\\HasChildren) "/" "a/b"'])
        t.ok('UID COPY 1 a/b/c')
        t.ok('RENAME a x/y')
        t.ok('STATUS x/y/b/c (MESSAGES)')
        self.assertTrue(t.said('MESSAGES 1'))
        self.assertEqual(t('DELETE x/y')[:2], 'NO')
        t.ok('RENAME INBOX old')
        self.assertEqual(len(self.c.dump()['folders']['old']['uids']), 2)
        t.ok('DELETE x/y/b/c')
        t.ok('UNSUBSCRIBE old')
        t.ok('LSUB "" *')
        self.assertFalse(t.said('"old"'))
        t.ok('LIST (SUBSCRIBED) "" * RETURN (SPECIAL-USE STATUS (MESSAGES))')
        self.assertTrue(t.said('* STATUS "Trash" (MESSAGES 0)'))
        self.assertFalse(t.said('"old"'))

    def test_compress(self):
        for profile in ('gmail', 'dovecot'):
            t = self.on(profile)
            t.ok('COMPRESS DEFLATE')
            out = zlib.compressobj(wbits=-15)
            back = zlib.decompressobj(-15)
            t.sock.sendall(out.compress(b'a NOOP\r\n') +
                           out.flush(zlib.Z_SYNC_FLUSH))
            data = b''
            while not data.endswith(b'\r\n'):
                data += back.decompress(t.sock.recv(1000))
            self.assertTrue(data.startswith(b'a OK'))
        self.assertEqual(self.on('exchange')('COMPRESS DEFLATE')[:3], 'BAD')


class Forms(Case):
    """What Gmail has been seen to say, word for word but for numbers."""

    def dialogue(self, *steps):
        self.c.set(item_order='asked')
        t = self.talk()
        for command, answer in steps:
            said = t(command)
            got = b''.join(x + b'\r\n' for x in t.lines).decode() + said
            wanted = '\n'.join(s.strip() for s in answer.split('\n'))
            self.assertRegex(got.replace('\r\n', '\n'), '^' + re.sub(
                r'#', r'\\d+', re.escape(wanted).replace('\\#', '#')) + '$')

    def test_dialogue(self):
        self.load(1, '\\Inbox')
        self.dialogue(
            ('ID ("name" "x")',
             '* ID ("name" "GImap" "vendor" "Google, Inc." "support-url" '
             '"https://support.google.com/mail" "version" '
             '"gmail.imap-server_0" "remote-host" "127.0.0.1")\nOK Success'),
            ('NAMESPACE', '* NAMESPACE (("" "/")) NIL NIL\nOK Success'),
            ('LIST "" "[Gmail]%" RETURN (SUBSCRIBED SPECIAL-USE)',
             '* LIST (\\HasChildren \\NonExistent \\Subscribed) "/" '
             '"[Gmail]"\nOK Success'),
            ('LIST "" "[Gmail]/A%" RETURN (SUBSCRIBED SPECIAL-USE)',
             '* LIST (\\All \\HasNoChildren \\Subscribed) "/" '
             '"[Gmail]/All Mail"\nOK Success'),
            ('XLIST "" "[Gmail]/A*"',
             '* XLIST (\\HasNoChildren \\AllMail) "/" "[Gmail]/All Mail"\n'
             'OK Success'),
            ('SELECT "%s" (CONDSTORE)' % ALL,
             '''* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen ''' +
             '''$NotPhishing $Phishing)
             * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft ''' +
             '''\\Deleted \\Seen $NotPhishing $Phishing \\*)] ''' +
             '''Flags permitted.
             * OK [UIDVALIDITY #] UIDs valid.
             * 1 EXISTS
             * 0 RECENT
             * OK [UIDNEXT #] Predicted next UID.
             * OK [HIGHESTMODSEQ #]
             OK [READ-WRITE] [Gmail]/All Mail selected. (Success)'''),
            ('UID SEARCH RETURN (ALL) ALL',
             '* ESEARCH (TAG "T8") UID ALL #\n'
             'OK SEARCH completed (Success)'),
            ('UID FETCH 1:* (UID FLAGS X-GM-LABELS MODSEQ) (CHANGEDSINCE 1)',
             '* 1 FETCH (UID # FLAGS () X-GM-LABELS ("\\\\Inbox") '
             'MODSEQ (#))\nOK Success'),
            ('UID STORE 1:* +FLAGS.SILENT (\\Seen \\Flagged)',
             '* 1 FETCH (UID # MODSEQ (#) FLAGS (\\Flagged \\Seen))\n'
             'OK Success'),
            ('UID STORE 1:* -X-GM-LABELS.SILENT (\\Inbox)', 'OK Success'),
            ('UID MOVE 1:* "[Gmail]/Spam"',
             '* 1 EXPUNGE\n* 0 EXISTS\nOK [COPYUID # # #] (Success)'),
            ('UID SEARCH RETURN (ALL) ALL',
             '* ESEARCH (TAG "T13") UID\nOK SEARCH completed (Success)'),
            ('EXPUNGE', 'OK Success'),
            ('LOGOUT',
             '* BYE LOGOUT Requested\nOK 73 good day (Success)'))


class Nonsense(Case):
    """Whatever a client says, the server answers or hangs up."""

    WORDS = ['UID', 'FETCH', 'STORE', 'SEARCH', 'APPEND', 'COPY', 'MOVE',
             'LIST', 'LSUB', 'STATUS', 'SELECT', 'INBOX', '1:*', '1', '*',
             '9999999999', '()', '(', ')', '"', '"x"', '{3+}\r\nabc', '{x}',
             'FLAGS', '+FLAGS', '-X-GM-LABELS', 'X-GM-RAW', 'X-GM-LABELS',
             '\\Seen', '\\Nope', 'BODY[', 'BODY[1.2.HEADER.FIELDS (a)]',
             'BODY.PEEK[]<0.0>', 'BODY[0]', 'BODY[TEXT]<1.5>', 'RETURN', 'OR',
             'NOT', 'CHARSET', 'UTF-8', '&-', '&x-', '%', 'ENABLE', 'RENAME',
             'CREATE', 'DELETE', 'CONDSTORE', '(CHANGEDSINCE 1)', 'ENVELOPE',
             'BODYSTRUCTURE', 'EXPUNGE', 'CLOSE', 'NOOP', 'ID', 'NIL', '\0',
             'SINCE', '1-Jan-2020', '32-Foo-1', 'HEADER', 'MODSEQ', 'XLIST',
             'NAMESPACE', 'GETQUOTA', 'COMPRESS', 'IDLE', 'REPLACE', 'é']

    def test_nonsense(self):
        rng = random.Random(7)
        for profile in ('gmail', 'cyrus'):
            self.c.reset(profile)
            self.c.load([{'raw': message(n)} for n in range(3)])
            for _ in range(12):
                t = self.talk('INBOX')
                lines = b''
                for n in range(60):
                    lines += b'n%d ' % n + ' '.join(
                        rng.choice(self.WORDS) for _ in range(
                            rng.randrange(1, 7))).encode() + b'\r\n'
                t.sock.sendall(lines + b'DONE\r\nend LOGOUT\r\n')
                t.sock.settimeout(10)
                said = t.file.read()
                self.assertIn(b'n0 ', said)
                self.assertEqual(self.s.errors, [])

    def test_a_mistake_of_the_server_is_told(self):
        s = gmail.Server().start()
        s.control.fault(lambda session: 1 // 0, 'NOOP')
        t = Talk(s)
        self.assertIsNone(t('NOOP'))
        with self.assertRaisesRegex(AssertionError, 'ZeroDivisionError'):
            s.close()


if __name__ == '__main__':
    tap.main()
