#!/usr/bin/env python3
"""The Gmail-like server does what its model says: each switch on and off."""

import os
import re
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + '/../lib']

import tap	# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, SPAM, STARRED, TRASH, Case, mid	# noqa: E402


class Store(Case):
    """M1 to M4"""

    def test_m1_one_message_many_folders(self):
        a = self.load(1, '\\Inbox', 'x/y', '\\Starred')
        b = self.load(2, 'x/y')
        self.assertEqual(self.folders_of(a), [
            'INBOX', ALL, STARRED, 'x/y'])
        self.assertEqual(self.folders_of(b), [ALL, 'x/y'])
        d = self.c.dump()['folders']
        self.assertEqual(len({f['validity'] for f in d.values()}), len(d))
        uids = [self.uid(a, f) for f in self.folders_of(a)]
        self.assertEqual(len(set(uids)), 4)
        t = self.talk(ALL)
        one = t.fetch(self.uid(a, ALL), 'X-GM-MSGID X-GM-THRID')
        t.ok('SELECT INBOX')
        self.assertEqual(t.fetch(1, 'X-GM-MSGID X-GM-THRID'),
                         dict(one, UID=b'1'))
        self.assertEqual(int(one['X-GM-MSGID']), a)
        self.assertTrue(a > 2 ** 63 > b)

    def test_m1_all_mail_hidden(self):
        for hidden in (False, True):
            self.fresh(all_mail_hidden=hidden)
            t = self.talk()
            t.ok('LIST "" *')
            self.assertEqual(bool(t.said('All Mail')), not hidden)
            self.assertEqual(t('SELECT "%s"' % ALL)[:2],
                             'NO' if hidden else 'OK')

    def test_m1_folder_limit(self):
        for limit, seen in ((0, 5), (3, 3)):
            self.fresh(folder_limit=limit)
            for n in range(5):
                self.load(n)
            t = self.talk('INBOX')
            self.assertEqual(len(t.search('ALL')), seen)
            t.ok('STATUS "%s" (MESSAGES)' % ALL)
            self.assertTrue(t.said('MESSAGES %d' % seen))
        self.assertEqual(t.search('ALL'), [3, 4, 5])

    def test_m2_flags_are_shared_and_stars_are_flags(self):
        a = self.load(1)
        t = self.talk('INBOX')
        t.ok('UID STORE 1 +FLAGS (\\Seen \\Flagged kw)')
        self.assertTrue(t.said('FLAGS (\\Flagged \\Seen kw)'))
        self.assertIn(STARRED, self.folders_of(a))
        t.ok('SELECT "%s"' % STARRED)
        self.assertTrue(t.said('0 RECENT'))
        self.assertIn(b'kw', t.fetch('1:*', 'FLAGS')['FLAGS'])
        t.ok('SELECT "%s"' % ALL)
        u = self.uid(a, ALL)
        self.assertEqual(t.labels(u), ['\\Inbox', '\\Starred'])
        t.ok('UID STORE %d -X-GM-LABELS (\\Starred)' % u)
        self.assertEqual(t.fetch(u, 'FLAGS')['FLAGS'], b'(\\Seen kw)')
        t.ok('UID STORE %d +X-GM-LABELS (\\Starred)' % u)
        self.assertIn('\\Flagged', self.m(a)['flags'])

    def test_m2_a_star_of_the_web(self):
        for how, left in (('cleared', False), ('stays', True)):
            self.fresh(web_star=how)
            a = self.load(1)
            self.c.now('star_on_web', id=a)
            t = self.talk(ALL)
            u = self.uid(a, ALL)
            t.ok('UID STORE %d -FLAGS (\\Flagged)' % u)
            self.assertEqual('\\Starred' in t.labels(u), left)
            t.ok('UID STORE %d -X-GM-LABELS (\\Starred)' % u)
            self.assertNotIn('\\Starred', t.labels(u))

    def test_m3_inbox_spam_and_trash_exclude_one_another(self):
        a = self.load(1)
        t = self.talk(ALL)
        for label, folder in (('\\Spam', SPAM), ('\\Trash', TRASH)):
            t.ok('SELECT "%s"' % self.folders_of(a)[-1])
            t.ok('UID STORE %d +X-GM-LABELS (%s)' % (
                t.search('ALL')[0], label))
            self.assertEqual(self.folders_of(a), [folder])
        t.ok('SELECT "%s"' % TRASH)
        t.ok('UID STORE %d +X-GM-LABELS (\\Inbox)' % t.search('ALL')[0])
        self.assertEqual(self.folders_of(a), ['INBOX', ALL])

    def test_m4_uidvalidity_changes_between_commands(self):
        self.load(1)
        t = self.talk('INBOX')
        was = self.c.dump()['folders']['INBOX']['validity']
        self.c.act(1, 'renumber', command='UID FETCH', folder='INBOX')
        self.assertIsNone(t('UID FETCH 1 (FLAGS)'))
        self.assertEqual(t.lines, [
            b'* BYE Mailbox has changed, please login again'])
        t = self.talk('INBOX')
        self.assertFalse(t.said('UIDVALIDITY %d]' % was))
        self.assertTrue(t.said('UIDVALIDITY %d]' % (was + 1000)))


class Dialogue(Case):
    """M5, M7 to M10; logging in is in test_login.py"""

    def test_m5_capabilities(self):
        t = self.talk(user=None)
        self.assertTrue(t.greeting.startswith(b'* OK Gimap ready'))
        self.assertNotIn(b'CAPABILITY', t.greeting)
        t.ok('CAPABILITY')
        self.assertFalse(t.said('UIDPLUS'))
        self.assertTrue(t.said('AUTH=XOAUTH2'))
        t.ok('LOGIN alice secret')
        self.assertTrue(t.said('* CAPABILITY'))
        self.assertTrue(t.said('UIDPLUS'))
        self.assertFalse(t.said('AUTH='))

    def test_m7_special_use_and_names(self):
        for language, root, trash in (
                ('en', '[Gmail]', '[Gmail]/Trash'),
                ('uk', '[Google Mail]', '[Google Mail]/Bin'),
                ('de', '[Gmail]', '[Gmail]/Papierkorb'),
                ('el', '[Gmail]', '[Gmail]/&A5oDrAO0A78Dwg- '
                 '&A7EDwAO,A8EDwQO5A7wDvAOsA8QDyQO9-')):
            self.fresh(names=language, root=root)
            t = self.talk()
            t.ok('LIST "" *')
            line, = t.said('\\Trash)')
            self.assertIn(('"%s"' % trash).encode(), line)
            self.assertTrue(t.said('\\Noselect) "/" "%s"' % root))
            t.ok('SELECT "%s"' % trash)

    def test_m7_selecting_the_root_deselects(self):
        t = self.talk('INBOX')
        self.assertEqual(t('SELECT "[Gmail]"'),
                         'NO [NONEXISTENT] Unknown Mailbox: [Gmail] (now in '
                         'authenticated state) (Failure)')
        self.assertEqual(t('UID SEARCH ALL')[:3], 'BAD')

    def test_m7_names(self):
        t = self.talk()
        t.ok('CREATE Work')
        self.assertIn('[ALREADYEXISTS]', t('CREATE wORK'))
        self.assertEqual(t('SELECT wORK')[:2], 'NO')
        t.ok('SELECT inbox')
        for name in ('" x"', '"x "', '"a  b"'):
            self.assertEqual(
                t('CREATE ' + name),
                'NO [CANNOT] Folder contains excess whitespace (Failure)')
        for name in ('^x', 'Trash', 'muted', 'todo', '"[Gmail]/x"',
                     'x' * 226):
            self.assertEqual(t('CREATE ' + name)[:3], 'NO ', name)
        t.ok('CREATE ' + 'x' * 225)
        self.c.set(name_limit=40)
        self.assertEqual(t('CREATE ' + 'y' * 41)[:3], 'NO ')
        t.ok('CREATE ' + 'y' * 40)

    def test_m7_hidden_folders(self):
        self.load(1, '\\Inbox', '\\Important')
        self.fresh(hidden=('\\Important',))
        t = self.talk()
        t.ok('LIST "" *')
        self.assertFalse(t.said('Important'))

    def test_m8_literals_lines_macros(self):
        t = self.talk('INBOX')
        t.sock.sendall(b'a APPEND INBOX {4097+}\r\n')
        self.assertTrue(t.line().startswith(b'a BAD'))
        t = self.talk('INBOX')
        t.sock.sendall(b'a SEARCH SUBJECT {3+}\r\nabc\r\n')
        self.assertEqual(t.line(), b'* SEARCH\r\n')
        self.assertTrue(t.line().startswith(b'a OK'))
        self.c.set(line_limit=1000)
        long = 'UID FETCH %s (FLAGS)' % ','.join(
            str(n) for n in range(1, 1000, 2))
        self.assertEqual(t(long), 'BAD Could not parse command')
        self.c.set(line_limit=65536)
        t.ok(long)
        for macro in ('ALL', 'FAST', 'FULL'):
            self.assertEqual(t('FETCH 1:* ' + macro)[:3], 'BAD')

    def test_m9_what_is_not_there_is_bad(self):
        t = self.talk('INBOX')
        for command in (
                'SORT (DATE) UTF-8 ALL', 'THREAD REFERENCES UTF-8 ALL',
                'NOTIFY NONE',
                'UID FETCH 1 (EMAILID)', 'SEARCH RETURN (SAVE) ALL',
                'SELECT INBOX (QRESYNC (1 1))', 'STATUS INBOX (SIZE)',
                'GETMETADATA "" /x'):
            self.assertEqual(t(command)[:3], 'BAD', command)
        t.sock.sendall(b'a UID REPLACE 1 INBOX {1}\r\n')
        self.assertEqual(t.line(), b'a BAD Unknown command\r\n')

    def test_m10_utf8(self):
        self.load(1, '\\Inbox', 'Übung')
        t = self.talk(ALL)
        self.assertIn(b'&ANw-bung', t.fetch('*', 'X-GM-LABELS')[
            'X-GM-LABELS'])
        t.ok('ENABLE UTF8=ACCEPT')
        self.assertTrue(t.said('ENABLED UTF8=ACCEPT'))
        self.assertIn('Übung'.encode(), t.fetch('*', 'X-GM-LABELS')[
            'X-GM-LABELS'])
        t.ok('LIST "" *')
        self.assertTrue(t.said('"Übung"'))


class Labels(Case):
    """M11 to M16"""

    def test_m11_the_own_label_is_left_out(self):
        for own, in_inbox in (('omitted', ['x']), ('shown', ['\\Inbox', 'x'])):
            self.fresh(own_label=own)
            a = self.load(1, '\\Inbox', 'x')
            t = self.talk('INBOX')
            self.assertEqual(t.labels(1), in_inbox)
            t.ok('SELECT "%s"' % ALL)
            self.assertEqual(t.labels(self.uid(a, ALL)), ['\\Inbox', 'x'])

    def test_m11_forms(self):
        names = ('\\Inbox', '\\Important', 'x', '[m]', '+x', 'a b', 'q"(',
                 'Übung')
        seen = {}
        for form in ('plain', 'backslash', 'literal'):
            self.fresh(label_form=form)
            self.load(1, *names)
            t = self.talk(ALL)
            seen[form] = t.fetch('*', 'X-GM-LABELS')['X-GM-LABELS']
        self.assertEqual(
            seen['plain'],
            b'("+x" [m] "\\\\Important" "\\\\Inbox" "a b" "q\\"(" x '
            b'&ANw-bung)'.replace(b'"+x"', b'+x'))
        self.assertIn(b' \\Important \\Inbox ', seen['backslash'])
        self.c.set(label_form='mixed')
        mixed = t.fetch('*', 'X-GM-LABELS')['X-GM-LABELS']
        for form in (b'{', b' "', b' \\'):
            self.assertIn(form, mixed)
        self.assertIn(b'{6}\r\n\\Inbox', seen['literal'])

    def test_m11_nil_and_empty(self):
        for nil, said in ((False, b'()'), (True, b'(NIL)')):
            self.fresh(label_nil=nil)
            self.load(1)
            t = self.talk('INBOX')
            self.assertEqual(t.fetch(1, 'X-GM-LABELS')['X-GM-LABELS'], said)

    def test_m11_order_of_items(self):
        for order, kinds in (('asked', 1), ('random', 3)):
            self.fresh(item_order=order)
            self.load(1)
            t = self.talk('INBOX')
            seen = set()
            for _ in range(30):
                t.ok('UID FETCH 1 (UID FLAGS RFC822.SIZE)')
                seen.add(t.lines[0])
            self.assertGreaterEqual(len(seen), kinds)
            if kinds == 1:
                self.assertEqual(len(seen), 1)

    def test_m12_storing_labels(self):
        a = self.load(1)
        t = self.talk('INBOX')
        t.ok('UID STORE 1 +X-GM-LABELS (new/deep "two words")')
        self.assertEqual(t.lines, [
            b'* 1 FETCH (X-GM-LABELS (new/deep "two words") UID 1)'])
        t.ok('LIST "" *')
        self.assertTrue(t.said('"new/deep"'))
        self.assertFalse(t.said('"new"'))
        t.ok('UID STORE 1 -X-GM-LABELS.SILENT ("two words")')
        self.assertEqual(t.lines, [])
        t.ok('UID STORE 1 X-GM-LABELS (other)')
        self.assertEqual(self.m(a)['labels'], ['\\Inbox', 'other'])
        self.assertEqual(t('UID STORE 1 +X-GM-LABELS (muted)'),
                         'NO Invalid Arguments: Label is not allowed '
                         '(Failure)')

    def test_m12_taking_a_label_makes_none(self):
        self.load(1)
        t = self.talk('INBOX')
        t.ok('UID STORE 1 -X-GM-LABELS (unknown)')
        self.assertEqual(t('SELECT unknown')[:2], 'NO')

    def test_m12_in_trash_only_inbox_brings_back(self):
        a = self.load(1, place='trash')
        t = self.talk(TRASH)
        t.ok('UID STORE 1:* +X-GM-LABELS (x)')
        self.assertEqual(self.folders_of(a), [TRASH])
        t.ok('UID STORE 1:* +X-GM-LABELS (\\Inbox)')
        self.assertEqual(self.folders_of(a), ['INBOX', ALL])

    def test_labels_that_are_deleted_or_renamed(self):
        a = self.load(1, 'x', 'x/y', 'z')
        t, other = self.talk(), self.talk('z')
        was = self.uid(a, 'x/y')
        t.ok('RENAME x w')
        self.assertEqual(self.m(a)['labels'], ['w', 'w/y', 'z'])
        self.assertEqual(self.uid(a, 'w/y'), was)
        t.ok('DELETE z')
        self.assertEqual(self.folders_of(a), [ALL, 'w', 'w/y'])
        other.ok('NOOP')
        self.assertEqual(other.lines, [b'* 1 EXPUNGE', b'* 0 EXISTS'])
        for name in ('INBOX', '"%s"' % ALL):
            self.assertEqual(t('DELETE ' + name)[:2], 'NO')

    def test_storing_what_is_so_changes_nothing(self):
        self.load(1, flags=['\\Seen', '\\Flagged'])
        t = self.talk('INBOX')
        before = t.fetch(1, 'MODSEQ')
        t.ok('UID STORE 1 +FLAGS (\\Seen)')
        t.ok('UID STORE 1 +X-GM-LABELS (\\Starred)')
        self.assertEqual(t.fetch(1, 'MODSEQ'), before)

    def test_m12_an_empty_set(self):
        for how, said in (('bad', 'BAD'), ('clears', 'OK ')):
            self.fresh(empty_labels=how)
            a = self.load(1, 'x')
            t = self.talk(ALL)
            self.assertEqual(t('UID STORE * X-GM-LABELS ()')[:3], said)
            self.assertEqual(self.m(a)['labels'],
                             ['x'] if how == 'bad' else [])

    def test_m13_labels_that_void_a_store(self):
        for void in ((), ('\\Sent',), ('\\Draft', '\\Muted')):
            self.fresh(void_labels=void)
            a = self.load(1)
            t = self.talk(ALL)
            t.ok('UID STORE * +X-GM-LABELS (%s x)' % (
                void[-1] if void else '\\Sent'))
            self.assertEqual('x' in self.m(a)['labels'], not void)
            t.ok('UID STORE * +X-GM-LABELS (y)')
            self.assertIn('y', self.m(a)['labels'])

    def test_m14_the_trash_label_moves(self):
        a = self.load(1, '\\Inbox', 'x')
        t = self.talk(ALL)
        t.ok('UID STORE * +X-GM-LABELS (\\Trash)')
        self.assertEqual((self.folders_of(a), self.m(a)['labels']),
                         ([TRASH], []))
        self.assertTrue(t.said('1 EXPUNGE'))

    def test_m15_labels_of_others_are_not_told(self):
        a = self.load(1)
        t = self.talk(ALL)
        self.c.act(1, 'label', command='NOOP', id=a, add=['new'])
        t.ok('NOOP')
        self.assertEqual(t.lines, [])
        self.assertIn('new', t.labels('*'))

    def test_m16_searching(self):
        a = self.load(1, 'work/a b')
        b = self.c.load([{'raw': message(2, subject='Grüße', headers=[
            ('Content-Disposition', 'attachment; filename=x')])}])[0]
        t = self.talk(ALL)
        ua, ub = self.uid(a, ALL), self.uid(b, ALL)
        for keys, found in (
                ('X-GM-RAW "rfc822msgid:%s"' % mid(1), [ua]),
                ('X-GM-RAW "rfc822msgid:<%s>"' % mid(2), [ub]),
                ('X-GM-RAW "label:work-a-b"', [ua]),
                ('X-GM-RAW "in:inbox has:attachment"', [ub]),
                ('X-GM-RAW "-in:inbox"', [ua]),
                ('X-GM-RAW "subject:message is:unread"', [ua]),
                ('X-GM-MSGID %d' % a, [ua]),
                ('X-GM-THRID %d' % b, [ub]),
                ('X-GM-LABELS "\\\\Inbox"', [ub]),
                ('X-GM-LABELS "work/a b"', [ua]),
                ('HEADER Message-ID %s' % mid(2), [ub]),
                ('OR HEADER Message-ID %s X-GM-MSGID %d' % (mid(2), a),
                 [ua, ub])):
            self.assertEqual(t.search(keys), found, keys)
        t.ok('UID SEARCH CHARSET UTF-8 SUBJECT ', 'grü'.encode())
        self.assertEqual(t.lines, [b'* SEARCH %d' % ub])

    def test_m16_percent(self):
        for how, found in (('nothing', 0), ('finds', 1)):
            self.fresh(percent_search=how)
            self.c.load([{'raw': message(1).replace(b'<1@', b'<1%x@')}])
            t = self.talk('INBOX')
            self.assertEqual(
                len(t.search('HEADER Message-ID "1%x@"')), found)

    def test_m16_deleted_ones(self):
        for how, found in (('hidden', []), ('found', [1])):
            self.fresh(deleted_search=how, auto_expunge=False)
            self.load(1)
            t = self.talk('INBOX')
            t.ok('UID STORE 1 +FLAGS (\\Deleted)')
            self.assertEqual(t.search('ALL'), found)

    def test_m16_index_lag(self):
        for lag in (0, 'noop', 0.2):
            self.fresh(index_lag=lag)
            t = self.talk('INBOX')
            t.append('INBOX', message(1))
            keys = 'HEADER Message-ID ' + mid(1)
            self.assertEqual(len(t.search(keys)), 0 if lag else 1)
            if lag == 'noop':
                t.ok('NOOP')
            elif lag:
                time.sleep(0.25)
            self.assertEqual(len(t.search(keys)), 1, lag)


class Deleting(Case):
    """M17 to M21"""

    def test_m17_auto_expunge(self):
        a = self.load(1, '\\Inbox', 'x')
        t = self.talk('INBOX')
        t.ok('UID STORE 1 +FLAGS (\\Deleted)')
        self.assertEqual(t.lines, [b'* 1 EXPUNGE', b'* 0 EXISTS'])
        self.assertEqual(self.m(a)['labels'], ['x'])
        t.ok('EXPUNGE')
        self.assertEqual(t.lines, [])

    def test_m17_without_auto_expunge(self):
        for command in ('EXPUNGE', 'UID EXPUNGE 1', 'CLOSE'):
            self.fresh(auto_expunge=False)
            a = self.load(1, '\\Inbox', 'x')
            t = self.talk('INBOX')
            t.ok('UID STORE 1 +FLAGS (\\Deleted)')
            self.assertTrue(t.said('FLAGS (\\Deleted)'))
            self.assertEqual(self.m(a)['deleted'], ['INBOX'])
            self.assertEqual(self.m(a)['labels'], ['\\Inbox', 'x'])
            t.ok(command)
            self.assertEqual(self.m(a)['labels'], ['x'])

    def test_m17_from_the_last_folder(self):
        for how, where in (('archive', [ALL]), ('trash', [TRASH]),
                           ('delete', [])):
            self.fresh(last_folder=how)
            a, b = self.load(1), self.load(2, '\\Inbox', 'x')
            t = self.talk('INBOX')
            t.ok('UID STORE 1:2 +FLAGS (\\Deleted)')
            self.assertEqual(self.folders_of(a), where, how)
            self.assertEqual(self.folders_of(b), [ALL, 'x'])

    def test_m17_in_all_mail(self):
        others = ('\\Draft', '\\Important', '\\Sent', '\\Starred')
        for how, hidden, last, where in (
                ('nothing', (), 'trash', [ALL]),
                ('nothing', others, 'trash', [ALL]),
                ('alone', (), 'trash', [ALL]),
                ('alone', others, 'trash', [TRASH]),
                ('alone', others, 'archive', [ALL])):
            self.fresh(all_mail_expunge=how, hidden=hidden, last_folder=last)
            self.c.store().messages.clear()
            a = self.c.load([{'raw': message(1), 'labels': ()}])[0]
            t = self.talk(ALL)
            t.ok('UID STORE * +FLAGS (\\Deleted)')
            t.ok('EXPUNGE')
            self.assertEqual(self.folders_of(a), where, (how, hidden))

    def test_m18_copy_and_move_to_trash(self):
        for verb in ('COPY', 'MOVE'):
            self.fresh()
            a = self.load(1, '\\Inbox', 'x', '\\Important')
            self.load(2, 'x')
            other, t = self.talk('x'), self.talk('INBOX')
            said = t('UID %s 1 "%s"' % (verb, TRASH))
            self.assertRegex(said, r'OK \[COPYUID \d+ 1 \d+\] \(Success\)')
            self.assertEqual(t.lines, [b'* 1 EXPUNGE', b'* 0 EXISTS'])
            self.assertEqual(self.folders_of(a), [TRASH])
            self.assertEqual(self.m(a)['labels'], [])
            other.ok('NOOP')
            self.assertEqual(other.lines, [b'* 1 EXPUNGE', b'* 1 EXISTS'])

    def test_m18_order_and_code(self):
        for how in ('given', 'descending', 'absent'):
            self.fresh(copyuid=how)
            for n in range(3):
                self.load(n)
            t = self.talk('INBOX')
            said = t('UID MOVE 1:3 "%s"' % TRASH)
            self.assertEqual(t.lines[:3], [b'* 1 EXPUNGE'] * 3)
            m = re.search(r'COPYUID \d+ (\S+) (\S+)\]', said)
            self.assertEqual(bool(m), how != 'absent')
            if how == 'given':
                self.assertEqual(m.group(1), '1:3')
            if how == 'descending':
                self.assertEqual(m.group(1), '3,2,1')
                first, _, last = map(int, m.group(2).split(','))
                self.assertGreater(first, last)

    def test_m18_all_of_one_message_id(self):
        for takes, places in (('message', ['mail', 'trash']),
                              ('same_id', ['trash', 'trash'])):
            self.fresh(trash_takes=takes)
            ids = [self.load(1), self.load(1), self.load(2)]
            t = self.talk(ALL)
            t.ok('UID MOVE %d %s' % (self.uid(ids[0], ALL), TRASH))
            self.assertEqual(sorted(
                self.m(i)['place'] for i in ids[:2]), places)
            self.assertEqual(self.m(ids[2])['place'], 'mail')

    def test_m18_deleted_is_cleared(self):
        self.fresh(auto_expunge=False)
        a = self.load(1)
        t = self.talk('INBOX')
        t.ok('UID STORE 1 +FLAGS (\\Deleted)')
        t.ok('UID MOVE 1 "%s"' % TRASH)
        self.assertEqual(self.m(a)['deleted'], [])

    def test_m19_expunged_from_trash(self):
        for how, where in (('once', []), ('twice', [ALL])):
            self.fresh(purge=how)
            a = self.load(1, place='trash')
            b = self.load(2, place='spam')
            t = self.talk(TRASH)
            t.ok('UID STORE 1:* +FLAGS (\\Deleted)')
            self.assertEqual(self.folders_of(a), where)
            if where:
                t.ok('SELECT "%s"' % ALL)
                t.ok('UID MOVE * "%s"' % TRASH)
                t.ok('SELECT "%s"' % TRASH)
                t.ok('UID STORE 1:* +FLAGS (\\Deleted)')
                self.assertIsNone(self.m(a))
            t.ok('SELECT "%s"' % SPAM)
            t.ok('UID STORE 1:* +FLAGS (\\Deleted)')
            self.assertEqual(self.folders_of(b), where)

    def test_m20_out_of_trash(self):
        a = self.load(1, '\\Inbox', 'x', '\\Starred')
        t = self.talk(ALL)
        was = self.uid(a, ALL)
        t.ok('UID MOVE * "%s"' % TRASH)
        for target, labels in (('INBOX', ['\\Inbox']), ('x', ['x']),
                               (ALL, [])):
            t.ok('SELECT "%s"' % TRASH)
            t.ok('UID MOVE * "%s"' % target)
            self.assertEqual(self.m(a)['labels'], labels)
            self.assertIn('\\Flagged', self.m(a)['flags'])
            self.assertGreater(self.uid(a, ALL), was)
            t.ok('SELECT "%s"' % target)
            t.ok('UID MOVE * "%s"' % TRASH)

    def test_m21_copy_never_doubles(self):
        a = self.load(1, '\\Inbox', 'x')
        t = self.talk('INBOX')
        for target in ('x', ALL):
            there = self.uid(a, target)
            said = t('UID COPY 1 "%s"' % target)
            self.assertTrue(said.endswith(' 1 %d] (Success)' % there), said)
        self.assertEqual(len(self.c.dump()['messages']), 1)
        said = t('UID MOVE 1 "%s"' % ALL)
        self.assertTrue(said.endswith(' 1 %d] (Success)' % there), said)
        self.assertEqual(self.folders_of(a), [ALL, 'x'])

    def test_m21_a_missing_target(self):
        self.load(1)
        t = self.talk('INBOX')
        self.assertIn('[TRYCREATE]', t('UID COPY 1 nowhere'))
        self.assertIn('[TRYCREATE]', t.append('nowhere', message(1)))


if __name__ == '__main__':
    tap.main()
