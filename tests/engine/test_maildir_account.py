#!/usr/bin/env python3
"""A Maildir account does what an IMAP account does."""
# timeout: 180

import email.utils
import os
import tempfile
import time
import unittest

import maildir
import runs
import servers
import tamis
import tap
import test_imap_run
from mailmaker import ids, message

LETTER = {v: k for k, v in maildir.LETTERS.items()}
STAR = frozenset(['\\Flagged'])


class Folder:
    """What the tests of a server ask of one, over a Maildir."""

    def __init__(self, path):
        self.path, self.n = path, 0

    def start(self):
        maildir.make(self.path)

    def close(self):
        pass

    def folder(self, mailbox):
        return self.path if mailbox == 'INBOX' else \
            self.path + '/.' + mailbox.replace('/', '.')

    def append(self, user, mailbox, many, flags='', date=None):
        folder = self.folder(mailbox)
        maildir.make(folder)
        for one in many if isinstance(many, list) else [many]:
            self.n += 1
            letters = ''.join(sorted(LETTER[f] for f in flags.split()))
            path = '%s/%s/%d.M%dP1.test%s' % (
                folder, 'cur' if letters else 'new', 1780000000 + self.n,
                self.n, ':2,' + letters if letters else '')
            with open(path, 'wb') as f:
                f.write(one)
            if date:
                when = email.utils.parsedate_to_datetime(
                    date.replace('-', ' ')).timestamp()
                os.utime(path, (when, when))

    def dump(self, user, mailbox='INBOX'):
        return maildir.dump(self.path).get(mailbox, [])

    def dump_all(self, user):
        return maildir.dump(self.path)

    def mailboxes(self, user):
        return sorted(n for n in os.listdir(self.path) if n[0] == '.')


class OnMaildir(test_imap_run.Engine, unittest.TestCase):
    """The tests of the servers; those of a network left out."""

    def server(self):
        return Folder(tempfile.mkdtemp(prefix='tamis-m.'))

    def configure(self, **more):
        self.t.config({'accounts': {'a': dict(maildir=self.s.path, **more)}})

    # nobody to log in to, no turns to count, and IMAP's own search
    test_a_wrong_password_is_refused = None
    test_starttls = None
    test_nothing_new_takes_few_turns = None
    test_twenty_new_take_few_turns_and_only_they_are_fetched = None
    test_since_and_search = None
    test_whole_headers = None


class Maildirs(runs.Case):
    def setUp(self):
        super().setUp()
        self.box = self.t.home + '/Mail'
        maildir.make(self.box)
        self.n = 0
        self.t.rules('''
rules:
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
  - {name: go, when: {subject: go}, then: [{move: Lists/one}]}
  - {name: keep, when: {subject: keep}, then: [{copy: Kept}]}
  - {name: label, when: {subject: label}, then: [{label: [work, to do]}]}
  - {name: due, when: {body: amount due}, then: [{mark: read}]}
''')
        self.configure(a={'maildir': self.box})

    def fill(self, *subjects, first=1, folder='', **more):
        maildir.deliver(self.box + folder, [
            message(n, subject=s, **more)
            for n, s in enumerate(subjects, first)], first)

    def path_of(self, n, mailbox='INBOX'):
        path, = [m.path for m in maildir.dump(self.box)[mailbox]
                 if m.message_id == '%d@example.org' % n]
        return path

    def test_what_others_do_meanwhile(self):
        """Read, answered, moved and deleted by a mail reader."""
        self.expect(0, 'run')
        self.fill('star', 'label', 'go', 'plain')
        path = self.path_of(1)
        os.rename(path, path.replace('/new/', '/cur/') + ':2,RS')
        self.expect(0, 'run')
        self.assertEqual(self.places(self.box)[1], [
            ('INBOX', frozenset(['\\Flagged', '\\Answered', '\\Seen']))])
        # its own changes and those of others do not make mail new
        path = self.path_of(1)
        os.rename(path, path.replace('F', ''))
        os.unlink(self.path_of(4))
        self.expect(0, 'run')
        self.assertEqual(self.places(self.box), {
            1: [('INBOX', frozenset(['\\Answered', '\\Seen']))],
            2: [('INBOX', frozenset(['work', 'to&ACA-do']))],
            3: [('Lists/one', frozenset())]})

    def test_new_mail_is_known_by_its_name(self):
        self.fill('star')
        self.expect(0, 'run')		# the baseline
        self.fill('star', first=2)
        self.expect(0, 'run')
        # back from a backup under its old name: not new
        path = self.path_of(2)
        os.rename(path, path.partition(':')[0].replace('/cur/', '/new/'))
        self.expect(0, 'run')
        self.assertEqual(self.places(self.box), {
            1: [('INBOX', frozenset())], 2: [('INBOX', frozenset())]})

    def test_moved_back_by_hand(self):
        """Mail that the user puts back is not taken away again."""
        self.expect(0, 'run')
        self.fill('go')
        self.expect(0, 'run')
        path = self.path_of(1, 'Lists/one')
        os.rename(path, self.box + '/cur/' + os.path.basename(path))
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.box), {1: ['INBOX']})

    def test_two_mailboxes(self):
        maildir.make(self.box + '/.Lists.one')
        self.configure(a={'maildir': self.box,
                          'mailboxes': ['INBOX', 'Lists/one']})
        self.expect(0, 'run')
        self.fill('go', 'star')
        self.fill('star', first=3, folder='/.Lists.one')
        self.expect(0, 'run')
        self.assertEqual(self.places(self.box), {
            1: [('Lists/one', frozenset())], 2: [('INBOX', STAR)],
            3: [('Lists/one', STAR)]})
        # what we moved there ourselves is not new there
        self.t.rules('rules: [{name: all, when: {subject: go}, '
                     'then: [{mark: read}]}]')
        self.expect(0, 'run')
        self.assertEqual(self.places(self.box)[1],
                         [('Lists/one', frozenset())])

    def test_labels_as_folders(self):
        self.configure(a={'maildir': self.box, 'labels': 'folders'})
        self.expect(0, 'run')
        self.fill('label', 'plain')
        for args in ((), (), ('--all',)):
            self.expect(0, 'run', *args)
            self.assertEqual(
                {n: sorted(w) for n, w in self.boxes_of(self.box).items()},
                {1: ['INBOX', 'to do', 'work'], 2: ['INBOX']})

    def test_too_many_keywords(self):
        """26 are all that file names have room for."""
        self.t.rules('''
rules:
  - {name: many, when: {subject: many}, then: [{label: "$(header.X-N)"}]}
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
''')
        self.expect(0, 'run')
        maildir.deliver(self.box, [
            message(n, subject='many', headers=[('X-N', 'label-%d' % n)])
            for n in range(1, 31)] + [message(31, subject='star')])
        r = self.expect(3, 'run')
        self.assertIn('26', r.out)
        labels = [w[0][1] for w in self.places(self.box).values()]
        self.assertEqual(sum(len(flags) for flags in labels), 27)
        self.assertEqual(self.places(self.box)[31], [('INBOX', STAR)])
        self.assertEqual(len(maildir.keywords(self.box)), 26)

    def test_a_message_that_cannot_be_read(self):
        """It is told when it is noticed and when it is given up; the others
        are done, and so is it when it can be read."""
        self.expect(0, 'run')
        self.fill('star', 'star', 'star')
        wrap = self.t.ordinary_user()
        path = self.path_of(2)
        os.chmod(path, 0)
        r = self.expect(3, '-q', 'run', wrap=wrap)
        self.assertIn('UID 2 was not judged: its file may not be read',
                      r.err)
        r = self.expect(0, '-q', 'run', wrap=wrap)
        self.assertEqual(r.out + r.err, '')
        os.chmod(path, 0o600)
        self.assertEqual(self.places(self.box)[1], [('INBOX', STAR)])
        self.assertEqual(self.places(self.box)[3], [('INBOX', STAR)])
        self.expect(0, 'run', wrap=wrap)
        self.assertEqual(self.places(self.box)[2], [('INBOX', STAR)])

    def test_a_message_that_can_never_be_read(self):
        self.expect(0, 'run')
        self.fill('star', 'star')
        wrap = self.t.ordinary_user()
        os.chmod(self.path_of(1), 0)
        codes = [self.t.run('-q', 'run', wrap=wrap).status
                 for _ in range(6)]
        self.assertEqual(codes, [3, 0, 0, 0, 3, 0])
        os.chmod(self.path_of(1), 0o600)
        self.expect(0, 'run', '--all', wrap=wrap)
        self.assertEqual(self.places(self.box)[1], [('INBOX', STAR)])

    def test_odd_files(self):
        """What is no message does not stop it."""
        self.expect(0, 'run')
        self.fill('star')
        os.mkdir(self.box + '/new/folder')
        os.mkfifo(self.box + '/new/fifo')
        os.symlink('/etc/passwd', self.box + '/new/link')
        open(self.box + '/new/.hidden', 'w').close()
        open(self.box + '/new/empty', 'w').close()
        open(self.box + '/tmp/unfinished', 'w').close()
        r = self.t.run('run', timeout=20)
        self.sane(r)
        self.assertEqual(r.status, 0, r)
        self.assertTrue(os.path.isdir(self.box + '/new/folder'))
        self.assertTrue(os.path.islink(self.box + '/new/link'))
        self.assertTrue(os.path.exists(self.box + '/tmp/unfinished'))
        names = [n for n in os.listdir(self.box + '/cur') if ':2,F' in n]
        self.assertEqual(len(names), 1)

    def test_dates_are_kept(self):
        self.expect(0, 'run')
        self.fill('go', 'star', 'keep')
        for n in (1, 2, 3):
            os.utime(self.path_of(n), (1600000000 + n, 1600000000 + n))
        self.expect(0, 'run')
        for n, box in ((1, 'Lists/one'), (2, 'INBOX'), (3, 'INBOX'),
                       (3, 'Kept')):
            self.assertEqual(os.stat(self.path_of(n, box)).st_mtime,
                             1600000000 + n, (n, box))

    def test_dovecot_sees_the_same(self):
        """Flags, keywords and folders, through Dovecot."""
        s = servers.Dovecot()
        s.start()
        self.addCleanup(s.close)
        box = s.folder + '/home/alice/Maildir'
        s.append('alice', 'INBOX', message(1))
        self.configure(a={'maildir': box, 'mailboxes': ['INBOX']})
        self.expect(0, 'run')
        s.append('alice', 'INBOX', [
            message(2, subject='star'), message(3, subject='label'),
            message(4, subject='go'), message(5, subject='keep')])
        s.settle()
        self.expect(0, 'run')
        servers.own_tree(box, s.uid, s.gid)
        found = {n: sorted((b, sorted(f)) for b, f in w)
                 for n, w in self.places(s).items()}
        self.assertEqual(found[1], [('INBOX', [])])
        self.assertEqual(found[2], [('INBOX', ['\\Flagged'])])
        self.assertEqual(len(found[3][0][1]), 2)
        self.assertEqual(found[4], [('Lists/one', [])])
        self.assertEqual(found[5], [('INBOX', []), ('Kept', [])])
        # and over IMAP nothing is left to do
        self.configure(b=self.t.account(s))
        r = self.expect(0, '--json', 'run', '--all')
        self.assertEqual([o['changed'] for o in r.json()
                          if o['type'] == 'run'], [1])	# the copy

    def test_it_is_quick(self):
        """Nothing new in 5,000: no message is opened."""
        maildir.deliver(self.box, [message(n) for n in range(1, 5001)])
        self.expect(0, 'run')
        for name in os.listdir(self.box + '/new'):
            os.utime(self.box + '/new/' + name, (1, 1))
        before = tamis.snapshot(self.box)
        began = time.monotonic()
        self.expect(0, 'run')
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(tamis.snapshot(self.box), before)


if __name__ == '__main__':
    tap.main()
